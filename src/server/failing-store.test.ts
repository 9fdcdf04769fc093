import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { servedSurveys } from "../../test/fixtures/server.ts";
import { simulatedId as id } from "../../test/fixtures/surveys.ts";
import type { SessionState } from "../contract/api.ts";

const COUNT = 24;
const { folder, get, post, ...server } = servedSurveys(COUNT, (row) => row % 2 === 0, ["left", "right"]);
const survey = (name: string) => join(folder, name);
let port = 0;
beforeAll(async () => {
  port = await server.listen();
});
const start = async (name: string) => {
  const examples = { positive: [id(0)], negative: [id(1)] };
  const made = await post("/api/sessions", { survey: name, model: "toy", target: name, who: "ann", ...examples });
  return (made.json() as SessionState).session;
};
const label = (session: string, n: number) =>
  post(`/api/sessions/${session}/labels`, { who: "ann", labels: [{ object: id(n), value: "positive" }] });

/** Everything that a session's stream says, as it comes. */
function listen(session: string) {
  const heard = { text: "", open: true };
  const stream = request({ host: "127.0.0.1", port, path: `/api/sessions/${session}/stream` }, (response) => {
    response.setEncoding("utf8").on("data", (part: string) => {
      heard.text += part;
    });
    response.on("close", () => {
      heard.open = false;
    });
  });
  stream.on("error", () => {}).end();
  return { heard, end: () => stream.destroy() };
}

describe("a database that is replaced or damaged while it is served", () => {
  it("saves nothing, says so to page and stream, and touches no other session", async () => {
    const [left, right] = [await start("left"), await start("right")];
    const { heard, end } = listen(left);
    expect((await label(left, 5)).statusCode).toBe(200);
    const database = join(survey("left"), "skyloop.db");
    const kept = readFileSync(database);
    renameSync(database, `${database}.moved`);
    const moved = await label(left, 6);
    expect([moved.statusCode, moved.json().code]).toEqual([503, "STORE_REPLACED"]);
    for (let i = 0; i < 300 && !heard.text.includes("STORE_REPLACED"); i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard.text).toContain("event: failed");
    expect(heard.open).toBe(true);
    expect((await label(right, 6)).statusCode).toBe(200);
    expect((await get("/api/sessions")).json().map(({ session }: SessionState) => session)).toContain(right);

    renameSync(`${database}.moved`, database);
    expect((await label(left, 7)).statusCode).toBe(200);
    writeFileSync(database, Buffer.alloc(kept.length, "rubbish "));
    const damaged = await label(left, 8);
    expect([damaged.statusCode, damaged.json().code]).toEqual([500, "STORE_BROKEN"]);
    expect((await label(right, 8)).statusCode).toBe(200);
    expect((await get("/api/health")).statusCode).toBe(200);
    end();
  });
});
