import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { servedSurveys } from "../../test/fixtures/server.ts";
import { simulatedId as id } from "../../test/fixtures/surveys.ts";
import { BACKGROUND } from "../base/priority.ts";
import type { Saved, SessionState } from "../contract/api.ts";
import { buildServer } from "./app.ts";

const COUNT = 60;
const { folder, get, post, listen } = servedSurveys(COUNT, (row) => row % 3 === 0);
let port = 0;
beforeAll(async () => {
  port = await listen();
});
/** How the system ranks a thread (proc(5), the 19th field of stat); 0 on systems without such files. */
const niceOf = (thread: string) =>
  process.platform === "linux" ? Number(readFileSync(`${thread}/stat`, "utf8").split(") ")[1].split(" ")[16]) : 0;
const ownNice = niceOf("/proc/thread-self");
const host = { host: "127.0.0.1" };
const NEW = {
  survey: "small",
  model: "toy",
  target: "Ring galaxies!",
  pageSize: 8,
  who: "ann",
  positive: [id(0), id(3)],
  negative: [id(1), id(2)],
};

/** What the server answers to bytes that no client would send. */
const rawly = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
    socket.on("data", (part) => {
      answer += part;
    });
    socket.on("close", () => resolve(answer)).on("error", reject);
  });

describe("what is no request", () => {
  it("is refused with a code", async () => {
    const own = "Host: 127.0.0.1\r\nConnection: close\r\n";
    for (const [bytes, status, code] of [
      ["GET /api/surveys/‥/x HTTP/1.1\r\n", 400, "BAD_REQUEST"],
      ["no HTTP at all\r\n", 400, "BAD_REQUEST"],
      [`GET / HTTP/1.1\r\nX: ${"y".repeat(20_000)}\r\n`, 431, "BAD_REQUEST"],
      ["GET http://evil.example/api/surveys HTTP/1.1\r\n", 403, "HOST_REFUSED"],
      ["GET http://127.0.0.1/api/surveys HTTP/1.1\r\n", 403, "HOST_REFUSED"],
    ] as const) {
      const answer = await rawly(`${bytes}${own}\r\n`);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain(`"code":"${code}"`);
    }
  });
  it("is a name or a word with control characters", async () => {
    for (const change of [{ who: "a\u0000b" }, { target: "ring\u001b[2J" }, { who: "two\nlines" }])
      expect((await post("/api/sessions", { ...NEW, ...change })).json()).toMatchObject({ code: "BAD_REQUEST" });
  });
});

describe("surveys", () => {
  it("are described, listed and sampled", async () => {
    expect((await get("/api/health")).json()).toMatchObject({ ok: true });
    expect((await get("/api/surveys")).json()).toMatchObject([
      { survey: "small", count: COUNT, kind: "flux", features: [{ model: "toy", done: COUNT }] },
    ]);
    const random = (await get("/api/surveys/small/objects?random=5&seed=2")).json() as {
      total: number;
      objects: { object: string }[];
    };
    expect([random.total, random.objects.length]).toEqual([COUNT, 5]);
    expect((await get("/api/surveys/small/objects?random=5&seed=2")).json()).toEqual(random);
    expect((await get("/api/surveys/small/objects?diverse=6")).json().objects).toHaveLength(6);
    expect(
      (await get(`/api/surveys/small/objects?ids=${id(4)},${id(9)}`))
        .json()
        .objects.map(({ object }: { object: string }) => object),
    ).toEqual([id(4), id(9)]);
    expect((await get("/api/surveys/small/objects?offset=58&limit=10")).json().objects).toHaveLength(2);
    expect((await get(`/api/surveys/small/objects/${id(7)}`)).json().columns).toHaveProperty("redshift");
    const near = (await get(`/api/surveys/small/objects/${id(7)}/neighbours?k=3`)).json().objects as {
      object: string;
      similarity: number;
    }[];
    expect(near).toHaveLength(3);
    expect(near.map(({ object }) => object)).not.toContain(id(7));
  });
  it("give pictures with tags, and float pixels with their shape", async () => {
    const url = `/api/surveys/small/objects/${id(0)}/picture?size=96`;
    const picture = await get(url);
    expect(await sharp(picture.rawPayload).metadata()).toMatchObject({ format: "webp", width: 96, height: 96 });
    expect((await get(url, { "if-none-match": String(picture.headers.etag) })).statusCode).toBe(304);
    const pixels = await get(`/api/surveys/small/objects/${id(0)}/pixels`);
    expect([pixels.headers["x-skyloop-shape"], pixels.headers["x-skyloop-bands"], pixels.rawPayload.length]).toEqual([
      "3,64,64",
      "g,r,z",
      3 * 64 * 64 * 4,
    ]);
  });
  it("answer nonsense with a code", async () => {
    for (const [url, status, code] of [
      ["/api/surveys/none", 404, "SURVEY_UNKNOWN"],
      ["/api/surveys/small/objects/none", 404, "OBJECT_UNKNOWN"],
      ["/api/surveys/small/objects/..%2F..%2Fsurvey.json/picture", 404, "OBJECT_UNKNOWN"],
      ["/api/surveys/..%2F..%2Fetc", 404, "SURVEY_UNKNOWN"],
      [`/api/surveys/small/objects/${id(0)}/picture?size=97`, 400, "BAD_REQUEST"],
      ["/api/surveys/small/objects?random=0", 400, "BAD_REQUEST"],
      [`/api/surveys/small/objects/${id(0)}/neighbours?model=other`, 400, "FEATURES_MISSING"],
      ["/api/nothing", 404, "NOT_FOUND"],
      ["/../../package.json", 404, "NOT_FOUND"],
    ] as const) {
      const response = await get(url);
      expect([url, response.statusCode, response.json().code]).toEqual([url, status, code]);
    }
  });
});

describe("safety", () => {
  it("answers only requests that name this machine, and no writes from other pages", async () => {
    expect((await get("/api/health", { host: "evil.example" })).statusCode).toBe(403);
    expect((await get("/api/health", { host: "localhost:8420" })).statusCode).toBe(200);
    expect((await post("/api/sessions", NEW, { origin: "http://evil.example" })).json().code).toBe("ORIGIN_REFUSED");
  });
  it("sets a strict content policy everywhere and bounds bodies", async () => {
    for (const url of ["/api/health", "/api/docs", "/api/nothing"]) {
      const policy = String((await get(url)).headers["content-security-policy"]);
      expect(policy).toMatch(/default-src '(self|none)'/);
      expect(policy).not.toContain("unsafe");
    }
    expect((await post("/api/sessions", JSON.stringify({ ...NEW, target: "x".repeat(3e6) }))).statusCode).toBe(413);
    expect((await post("/api/sessions", "{ broken")).statusCode).toBe(400);
  });
  it("documents every route", async () => {
    const { paths } = (await get("/api/docs/json")).json() as { paths: Record<string, unknown> };
    for (const path of [
      "/api/surveys",
      "/api/surveys/{survey}/objects/{object}/pixels",
      "/api/sessions/{session}/labels",
      "/api/sessions/{session}/rounds",
      "/api/sessions/{session}/export",
      "/api/sessions/{session}/stream",
      "/api/stream",
    ])
      expect(Object.keys(paths)).toContain(path);
    expect((await get("/api/docs")).body).toContain("/api/sessions/{session}/undo");
  });
});

describe("sessions", () => {
  let session = "";
  it("start, check what they are given, and are found again", async () => {
    const made = await post("/api/sessions", NEW);
    expect(made.statusCode).toBe(201);
    ({ session } = made.json() as SessionState);
    expect(session).toBe("ring-galaxies");
    expect(made.json()).toMatchObject({ positives: 2, negatives: 2, round: 0, alpha: 0.5, canUndo: true });
    expect((await get("/api/sessions")).json()).toHaveLength(1);
    for (const [change, code] of [
      [{ positive: ["none"] }, "OBJECT_UNKNOWN"],
      [{ negative: [id(0)] }, "BOTH_LABELS"],
      [{ model: "none" }, "FEATURES_MISSING"],
      [{ alpha: 2 }, "BAD_REQUEST"],
      [{ who: " " }, "BAD_REQUEST"],
    ] as const)
      expect((await post("/api/sessions", { ...NEW, ...change })).json().code).toBe(code);
    expect((await get("/api/sessions/none")).statusCode).toBe(404);
  });

  it("go round: page, labels once for each key, undo, redo, ranking, export", async () => {
    const page = (await post(`/api/sessions/${session}/rounds`, { who: "ann" })).json() as {
      round: number;
      picks: { object: string; reason: string }[];
    };
    expect([page.round, page.picks.length]).toEqual([1, 8]);
    const label = { who: "ann", labels: [{ object: page.picks[0].object, value: "positive", clientKey: "k" }] };
    const saved = (await post(`/api/sessions/${session}/labels`, label)).json();
    expect((await post(`/api/sessions/${session}/labels`, label)).json().events).toEqual(saved.events);
    expect(saved.labels[page.picks[0].object]).toMatchObject({ value: "positive", who: "ann", round: 1 });
    expect(
      (await post(`/api/sessions/${session}/undo`, { who: "ann" })).json().labels[page.picks[0].object].value,
    ).toBeNull();
    expect(
      (await post(`/api/sessions/${session}/redo`, { who: "ann" })).json().labels[page.picks[0].object].value,
    ).toBe("positive");
    expect((await post(`/api/sessions/${session}/redo`, { who: "ann" })).statusCode).toBe(409);
    expect((await post(`/api/sessions/${session}/alpha`, { who: "ann", alpha: 0.9 })).json().alpha).toBe(0.9);
    const ranking = (await get(`/api/sessions/${session}/ranking?limit=5&label=none`)).json();
    expect([ranking.total, ranking.rows.length]).toEqual([COUNT - 5, 5]);
    expect(
      (await get(`/api/sessions/${session}/ranking?minScore=0.5`))
        .json()
        .rows.every(({ score }: { score: number }) => score >= 0.5),
    ).toBe(true);
    const csv = await get(`/api/sessions/${session}/export?format=csv`);
    expect(csv.body.trim().split("\n")).toHaveLength(COUNT + 1);
    expect(csv.headers["content-disposition"]).toContain("ring-galaxies.csv");
    expect((await get(`/api/sessions/${session}/export?format=fits`)).rawPayload.subarray(0, 6).toString()).toBe(
      "SIMPLE",
    );
    expect((await get(`/api/sessions/${session}/export?format=parquet`)).rawPayload.subarray(0, 4).toString()).toBe(
      "PAR1",
    );
    expect((await get(`/api/sessions/${session}/export?format=doc`)).statusCode).toBe(400);
    // Exports go on behind what people wait for, where the system has a priority for each thread.
    if (process.platform === "linux")
      expect(readdirSync("/proc/self/task").map((thread) => niceOf(`/proc/self/task/${thread}`))).toContain(BACKGROUND);
    expect(niceOf("/proc/thread-self")).toBe(ownNice);
  });

  /** The data of the first event of a stream that `wanted` finds; `connected` is called once it is open. */
  const firstOf = (path: string, wanted: RegExp, connected: () => void): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const stream = request({ host: "127.0.0.1", port, path }, (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (part: string) => {
          text += part;
          const data = wanted.exec(text);
          if (data !== null) {
            stream.destroy();
            resolve(JSON.parse(data[1]));
          } else if (text.includes("connected")) connected();
        });
      });
      stream.on("error", reject).end();
    });

  it("tell others at once what somebody labels", async () => {
    const heard = await firstOf(`/api/sessions/${session}/stream`, /event: events\ndata: (.*)\n/, () =>
      post(`/api/sessions/${session}/labels`, {
        who: "bob",
        labels: [{ object: id(20), value: "negative", clientKey: "bob" }],
      }),
    );
    expect(heard).toMatchObject({ type: "events", events: [{ who: "bob", object: id(20), value: "negative" }] });
  });

  it("share one stream, whose messages name their session", async () => {
    const { session: other } = (await post("/api/sessions", { ...NEW, target: "Others" })).json() as SessionState;
    const heard = await firstOf(`/api/stream?sessions=${other},none,${session}`, /^data: (.*)$/m, () =>
      post(`/api/sessions/${session}/labels`, {
        who: "bob",
        labels: [{ object: id(21), value: "unsure", clientKey: "bob again" }],
      }),
    );
    expect(heard).toMatchObject({ session, message: { type: "events", events: [{ object: id(21) }] } });
  });

  it("answer a write with all that it changed, and take a step sent twice once", async () => {
    const { session: own } = (await post("/api/sessions", { ...NEW, target: "Steps" })).json() as SessionState;
    const labels = [5, 6].map((n) => ({ object: id(n), value: "positive", clientKey: `key ${n}` }));
    await post(`/api/sessions/${own}/labels`, { who: "ann", labels });
    const differs = (
      await post(`/api/sessions/${own}/labels`, { who: "bob", labels: [{ object: id(5), value: "negative" }] })
    ).json() as Saved;
    const state = (await get(`/api/sessions/${own}`)).json() as SessionState;
    expect([differs.rounds, differs.conflicts]).toEqual([state.rounds, state.conflicts]);
    expect(state.conflicts).toMatchObject([{ object: id(5) }]);
    const undo = () => post(`/api/sessions/${own}/undo`, { who: "ann", clientKey: "undo 1" });
    const [first, second] = [(await undo()).json() as Saved, (await undo()).json() as Saved];
    expect(second).toEqual(first);
    expect(first.labels).toMatchObject({ [id(6)]: { value: null } });
    expect((await get(`/api/sessions/${own}`)).json().labels).toMatchObject({ [id(5)]: { value: "negative" } });
  });

  it("survive the server", async () => {
    const again = await buildServer({ surveys: [join(folder, "small")] });
    const state = (
      await again.inject({ url: `/api/sessions/${session}?who=ann`, headers: host })
    ).json() as SessionState;
    expect(state.page?.round).toBe(1);
    expect(state.ranked).toBe(true);
    expect(state.labels[id(20)].value).toBe("negative");
    await again.close();
  });
});

describe("rounds", () => {
  it("that somebody has begun are not begun again by those who have not seen them", async () => {
    const { session } = (await post("/api/sessions", { ...NEW, target: "Together" })).json() as SessionState;
    const ask = async (who: string, seen: number) =>
      (await post(`/api/sessions/${session}/rounds`, { who, seen })).json();
    const [ann, twice, bob] = await Promise.all([ask("ann", 0), ask("ann", 0), ask("bob", 0)]);
    expect([twice, bob]).toEqual([ann, ann]);
    expect(ann.round).toBe(1);
    expect((await ask("ann", 1)).round).toBe(2);
    expect((await ask("bob", 1)).round).toBe(2);
    expect(((await get(`/api/sessions/${session}`)).json() as SessionState).round).toBe(2);
  });
  it("are undone by the action: a stroke over three objects at once", async () => {
    const { session } = (await post("/api/sessions", { ...NEW, target: "Stroke" })).json() as SessionState;
    const labels = [10, 11, 12].map((n) => ({ object: id(n), value: "positive", clientKey: `stroke/${n}` }));
    await post(`/api/sessions/${session}/labels`, { who: "ann", labels });
    const saved = (await post(`/api/sessions/${session}/undo`, { who: "ann" })).json();
    expect(Object.keys(saved.labels).sort()).toEqual([10, 11, 12].map(id));
    expect(saved.labels[id(11)].value).toBeNull();
    expect((await post(`/api/sessions/${session}/redo`, { who: "ann" })).json().labels[id(11)].value).toBe("positive");
  });
});
