/** `skyloop/notebook` as a program uses it, and as the package gives it to other packages. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { connect } from "../../src/notebook/index.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { serveOn, surveyWithFeatures } from "./world.ts";

const folder = temporaryFolder();
let app: FastifyInstance;
let address: string;
beforeAll(async () => {
  ({ app, address } = await serveOn(await surveyWithFeatures(folder.path, 40)));
});
afterAll(async () => {
  await app.close();
  folder.remove();
});

const id = (n: number) => `sim-${String(n).padStart(6, "0")}`;

it("has the verbs of the page", async () => {
  const sky = await connect(address, { who: "ann" });
  expect((await sky.surveys()).map(({ survey }) => survey)).toEqual(["demo"]);
  expect((await sky.browse({ count: 4 })).objects).toHaveLength(4);
  const s = await sky.search("all verbs", { like: [id(1), id(2)], notLike: [id(3)], pageSize: 6 });
  await expect(s.page()).rejects.toMatchObject({ code: "NOT_RANKED" });
  const page = await s.next();
  await page.yes(1, 2);
  await page.no(3);
  await page.unsure(4);
  await page.tag("ring", 1);
  await page.no("rest");
  await page.clear(3);
  await s.undo();
  await s.redo();
  await page.untag("ring", 1);
  const { labels } = await s.state();
  expect(page.objects.map((object) => labels[object]?.value ?? null)).toEqual([
    "positive",
    "positive",
    null,
    "unsure",
    "negative",
    "negative",
  ]);
  expect((await page.toHtml()).match(/data:image\/webp/g)).toHaveLength(6);
  expect(await page.toHtml()).toContain("yes (ann)");
  expect(await s.alpha(0.8)).toBe(0.8);
  expect(await s.alpha()).toBe(0.8);
  expect((await s.next()).round).toBe(2);
  expect((await s.wait()).round).toBe(2);
  expect((await s.ranking({ limit: 3 })).map(({ rank }) => rank)).toEqual([1, 2, 3]);
  expect(Buffer.from(await s.table()).toString()).toContain("score");
  const written = await s.export(join(folder.path, "found.vot"));
  expect(readFileSync(written, "utf8")).toMatch(/^<\?xml[\s\S]*VOTABLE/);
  await expect(s.export("found.xlsx")).rejects.toMatchObject({ code: "BAD_OPTION" });
  expect((await s.why(1)).examples.length).toBeGreaterThan(0);
  expect((await sky.neighbours(id(1), { count: 4 })).objects).toHaveLength(4);
  expect((await sky.picture(id(1))).toHtml()).toContain("data:image/webp");
  expect(await sky.pixels(id(1))).toMatchObject({ shape: [3, 64, 64], unit: "nanomaggy" });
  expect(await sky.parameters(id(1))).toMatchObject({ object: id(1), predictions: [] });
  expect((await sky.sessions()).map(({ session }) => session)).toContain("all-verbs");
  expect(s.open()).toContain(`src="${address}/session/all-verbs"`);
});

it("says what is wrong with a code, and warns of stale pages and of a shared name", async () => {
  const heard: string[] = [];
  const sky = await connect(address, { who: "ann", warn: (code) => heard.push(code) });
  await expect(connect("http://127.0.0.1:9")).rejects.toMatchObject({ code: "SERVER_AWAY" });
  await expect(sky.session("nothing")).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
  const s = await sky.search("faults", { like: [id(1)], pageSize: 6 });
  const old = await s.next();
  await expect(old.yes(7)).rejects.toMatchObject({ code: "NUMBER_UNKNOWN" });
  const other = await (await connect(address, { who: "ann" })).session("faults");
  await (await other.next()).no(1);
  expect((await old.yes(1)).round).toBe(2);
  await s.yes(id(20));
  expect(heard).toEqual(["PAGE_STALE", "SAME_WHO"]);
  expect(Object.keys((await s.state()).labels).sort()).toEqual(
    [id(1), id(20), ...(await other.page()).objects.slice(0, 1)].sort(),
  );
});

// The package as others see it is what the set-up has compiled.
it.skipIf(!existsSync(join(PACKAGE_ROOT, "dist/notebook/index.d.ts")))(
  "is a part of the package with its types, for plain Node",
  async () => {
    const place = join(folder.path, "consumer");
    mkdirSync(join(place, "node_modules/@types"), { recursive: true });
    symlinkSync(PACKAGE_ROOT, join(place, "node_modules/skyloop"));
    symlinkSync(join(PACKAGE_ROOT, "node_modules/@types/node"), join(place, "node_modules/@types/node"));
    const script = `import { connect } from "skyloop/notebook";
const sky = await connect("${address}", { who: "ann" });
const s = await sky.search("from a program", { like: "${id(1)}", pageSize: 4 });
const page = await s.next();
const seen: number = (await page.yes(1)).round;
// @ts-expect-error numbers and ids only
export const wrong = () => page.yes({});
console.log(seen, page.objects.length, (await s.state()).labels[page.objects[0]].value);
`;
    writeFileSync(join(place, "search.mts"), script);
    const tsc = [
      join(PACKAGE_ROOT, "node_modules/typescript/bin/tsc"),
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
    ];
    const run = promisify(execFile);
    await run(process.execPath, [...tsc, "--target", "es2023", "--types", "node", "search.mts"], { cwd: place });
    const { stdout } = await run(process.execPath, ["search.mjs"], { cwd: place });
    expect(stdout).toBe("1 4 positive\n");
  },
);
