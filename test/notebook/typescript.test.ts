/** `skyloop/notebook` as a program uses it, and as the package gives it to other packages. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { connect } from "../../src/notebook/index.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { proxyTo, serveOn, surveyWithFeatures } from "./world.ts";

const folder = temporaryFolder();
let app: FastifyInstance;
let survey: string;
let address: string;
beforeAll(async () => {
  survey = await surveyWithFeatures(folder.path, 40);
  ({ app, address } = await serveOn(survey));
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
  const bright = await sky.browse({ column: "magR", sort: "lowest", count: 5 });
  const magnitudes = await Promise.all(
    bright.objects.map(async (object) => (await sky.parameters(object)).columns.magR),
  );
  expect(magnitudes).toEqual([...magnitudes].sort((a, b) => Number(a) - Number(b)));
  const spirals = await sky.browse({ column: "label", equals: "spiral", count: 3 });
  expect((await sky.parameters(spirals.pick(2)[0])).columns.label).toBe("spiral");
  await expect(sky.browse({ sort: "highest" })).rejects.toMatchObject({ code: "BAD_OPTION" });
  await expect(sky.browse({ column: "nothing" })).rejects.toMatchObject({ code: "COLUMN_MISSING" });
  const s = await sky.search("all verbs", { like: [id(1), id(2)], notLike: [id(3)], pageSize: 6 });
  await expect(s.page()).rejects.toMatchObject({ code: "NOT_RANKED" });
  const page = await s.next();
  await page.yes(1, 2);
  await page.no(3);
  await page.unsure(4);
  await page.tag("ring", 1);
  await page.no("rest");
  await page.clear(3);
  expect(await s.undo()).toBe(page);
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
  expect((await page.toText()).split("\n")).toEqual([
    expect.stringMatching(/^all-verbs, round 1, as ann/),
    expect.stringMatching(new RegExp(`^  1  ${page.objects[0]}  .*  yes$`)),
    ...page.objects.slice(1).map(() => expect.any(String)),
  ]);
  expect(await s.alpha(0.8)).toBe(0.8);
  expect(await s.alpha()).toBe(0.8);
  expect((await s.next()).round).toBe(2);
  expect((await s.wait()).round).toBe(2);
  const [first, ...others] = await s.ranking({ limit: 3 });
  expect([first, ...others].map(({ rank }) => rank)).toEqual([1, 2, 3]);
  const best = await s.ranking({ limit: 3, pictures: true });
  expect(best.pick(1)).toEqual([first.object]);
  expect((await best.toHtml()).match(/data:image\/webp/g)).toHaveLength(3);
  const yes = await s.ranking({ label: "positive", pictures: true });
  expect((await yes.toHtml()).match(/yes \(ann\)/g)).toHaveLength(yes.objects.length);
  expect(Buffer.from(await s.table()).toString()).toContain("score");
  const rows = await s.table("rows");
  expect(rows).toHaveLength(40);
  expect(rows.find(({ id: one }) => one === first.object)).toMatchObject({ score: expect.closeTo(first.score, 5) });
  const written = await s.export(join(folder.path, "found.vot"));
  expect(readFileSync(written, "utf8")).toMatch(/^<\?xml[\s\S]*VOTABLE/);
  expect(readFileSync(await s.export(join(folder.path, "found.txt"), "csv"), "utf8")).toContain("score");
  await expect(s.export("found.xlsx")).rejects.toMatchObject({ code: "BAD_OPTION" });
  const why = await s.why(1);
  expect(why.examples.length).toBeGreaterThan(0);
  expect((await why.toHtml()).match(/data:image\/webp/g)).toHaveLength(why.examples.length + 1);
  expect(await why.toHtml()).toContain(`${why.object} has the score ${why.score.toFixed(3)}`);
  // By id on the server, by number of the page on the session.
  const [shown] = (await s.page()).objects;
  expect((await sky.neighbours(id(1), { count: 4 })).objects).toHaveLength(4);
  expect((await s.neighbours(1, { count: 4 })).objects).toEqual(
    (await sky.neighbours(shown, { survey: "demo", count: 4 })).objects,
  );
  expect((await sky.picture(id(1))).toHtml()).toContain("data:image/webp");
  expect(await s.picture(1, { sizePx: 64 })).toMatchObject({ name: shown });
  expect(await sky.pixels(id(1))).toMatchObject({ shape: [3, 64, 64], unit: "nanomaggy" });
  expect((await s.pixels(1)).data).toEqual((await sky.pixels(shown)).data);
  expect(await sky.parameters(id(1))).toMatchObject({ object: id(1), predictions: [] });
  expect(await s.parameters(1)).toMatchObject({ object: shown });
  await expect(s.picture(7)).rejects.toMatchObject({ code: "NUMBER_UNKNOWN" });
  expect((await sky.sessions()).map(({ session }) => session)).toContain("all-verbs");
  expect((await sky.session()).map(({ session }) => session)).toContain("all-verbs");
});

it("keeps unlabelled objects among the negatives where a search says so", async () => {
  const sky = await connect(address, { who: "ann" });
  const s = await sky.search("finds", { like: id(1), unlabelled: "always" });
  expect((await s.state()).unlabelled).toBe("always");
});

it("shows the page in a frame where the server allows it, under the browser's address, and a link where not", async () => {
  const heard: string[] = [];
  const warn = (code: string, message: string) => heard.push(`${code}: ${message}`);
  const s = await (await connect(address, { who: "ann", warn })).search("frames", { like: id(1) });
  expect(await s.open()).toBe(`<a href="${address}/session/frames" target="_blank">${address}/session/frames</a>`);
  expect(heard).toEqual([expect.stringMatching(/^FRAME_REFUSED: .*--notebook/)]);
  const guarded = await serveOn(survey, { token: "secret", frames: ["http://localhost:8888"] });
  const open = async (browser?: string) => {
    const sky = await connect(`${guarded.address}/#token=secret`, { who: "ann", browser, warn });
    return (await sky.session("frames")).open(400);
  };
  const frame = (from: string) =>
    `<iframe src="${from}/session/frames#token=secret" style="border:0;width:100%;height:400px"></iframe>`;
  expect(await open()).toBe(frame(guarded.address));
  expect(await open("/user/ann/proxy/8420/")).toBe(frame("/user/ann/proxy/8420"));
  expect(heard).toHaveLength(1);
  await expect(connect(guarded.address, { token: "wrong" })).rejects.toMatchObject({
    code: expect.stringMatching(/^TOKEN_/),
    message: expect.stringContaining(`connect("${guarded.address}/", { token: "…" })`),
  });
  await guarded.app.close();
});

it("goes on with a round whose waiting was ended: wait() gets its page", async () => {
  const slow = await proxyTo(address, "/user/ann/proxy/8420/", 1500);
  const s = await (await connect(slow.address, { who: "ann" })).search("interrupted", { like: id(1), pageSize: 6 });
  const signal = AbortSignal.timeout(300);
  await expect(s.next(undefined, { signal })).rejects.toMatchObject({
    code: "ROUND_GOING",
    message: "interrupted; the round goes on, and wait() gets its page",
  });
  expect((await s.wait()).round).toBe(1);
  expect((await s.state()).round).toBe(1);
  slow.server.close();
});

it("says what is wrong with a code, and warns of stale pages and of a shared name", async () => {
  const heard: string[] = [];
  const sky = await connect(address, { who: "ann", warn: (code) => heard.push(code) });
  await expect(connect("http://127.0.0.1:9")).rejects.toMatchObject({
    code: "SERVER_AWAY",
    message: expect.stringMatching(/^nothing answers at http:\/\/127.0.0.1:9\/ .*`bin\/skyloop serve SURVEY --port 9`/),
  });
  await expect(connect("http://127.0.0.1:99999")).rejects.toMatchObject({ code: "BAD_OPTION" });
  const page = createServer((_, answer) => void answer.end("<html>another program</html>"));
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  const other = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  await expect(connect(other)).rejects.toMatchObject({ code: "NOT_SKYLOOP" });
  page.close();
  await expect(sky.session("nothing")).rejects.toMatchObject({
    code: "SESSION_UNKNOWN",
    message: expect.stringContaining("there are "),
  });
  const all = Array.from({ length: 40 }, (_, n) => id(n + 1));
  await expect((await sky.search("one class", { like: all })).next()).rejects.toMatchObject({
    code: "ONE_CLASS_LABELLED",
    message: expect.stringContaining("label some more"),
  });
  const s = await sky.search("faults", { like: [id(1)], pageSize: 6 });
  const old = await s.next();
  await expect(old.yes(7)).rejects.toMatchObject({ code: "NUMBER_UNKNOWN" });
  const second = await (await connect(address, { who: "ann" })).session("faults");
  await (await second.next()).no(1);
  expect((await old.yes(1)).round).toBe(2);
  await s.yes(id(20));
  expect(heard).toEqual(["PAGE_STALE", "SAME_WHO"]);
  expect(Object.keys((await s.state()).labels).sort()).toEqual(
    [id(1), id(20), ...(await second.page()).objects.slice(0, 1)].sort(),
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
