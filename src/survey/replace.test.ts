// Named here so that this file has a process of its own: syncBuiltinESMExports (dieAt).
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dieAt } from "../../test/fixtures/die-at.ts";
import { replaceByOne } from "../../test/fixtures/replace-by-one.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { SILENT } from "../base/progress.ts";
import { keepWhatFits } from "../loop/keep.ts";
import { openFeatures, writeFeatures } from "../store/features.ts";
import { openStore } from "../store/sqlite.ts";
import { createSurvey } from "./create.ts";
import { writeFitsImage } from "./fits.ts";
import { openSurvey } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);

function image(path: string, seed: number): void {
  const data = Float32Array.from({ length: 3 * 256 }, (_, i) => Math.sin(i * seed) + 2);
  writeFitsImage(path, { widthPx: 16, heightPx: 16, planes: 3, data });
}
const make = (out: string, images: string, replace = true, more: object = {}) =>
  createSurvey({
    out,
    images,
    adaptiveCrop: false,
    command: "test",
    progress: SILENT,
    ...(replace ? { replace: keepWhatFits(more) } : {}),
  });
const filesOf = (path: string) => (readdirSync(path, { recursive: true }) as string[]).sort();
const MAKE_DATABASE = `await (await import("./src/store/sqlite.ts")).openStore(process.argv[1])`;

beforeAll(async () => {
  mkdirSync(at("images"));
  for (const [i, name] of ["a", "b", "c"].entries()) image(at("images", `${name}.fits`), i + 1);
  await make(at("first"), at("images"), false);
  // A database as another process would leave it, and something that is nobody's but the user's.
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", MAKE_DATABASE, at("first")],
    { cwd: PACKAGE_ROOT, stdio: "inherit" },
  );
  expect(await once(child, "exit")).toEqual([0, null]);
  mkdirSync(at("first", "notes"));
  writeFileSync(at("first", "notes", "thesis.tex"), "mine");
  writeFileSync(at("first", "stamps", "notes.txt"), "mine too");
});
const fresh = (name: string) => {
  cpSync(at("first"), at(name), { recursive: true });
  return at(name);
};

describe("a survey made again", () => {
  it("is refused where no survey stands, and nothing is touched", async () => {
    const before = filesOf(at("images"));
    await expect(make(at("images"), at("images"))).rejects.toMatchObject({ code: "NOT_A_SURVEY" });
    expect(filesOf(at("images"))).toEqual(before);
    mkdirSync(at("home", "docs"), { recursive: true });
    writeFileSync(at("home", "docs", "thesis.tex"), "mine");
    writeFileSync(at("home", "survey.json"), '{"format": "another"}');
    await expect(make(at("home"), at("images"))).rejects.toMatchObject({ code: "NOT_A_SURVEY" });
    expect(readFileSync(at("home", "docs", "thesis.tex"), "utf8")).toBe("mine");
    writeFileSync(at("file"), "x");
    await expect(make(at("file"), at("images"))).rejects.toMatchObject({ code: "NOT_A_SURVEY" });
  });

  it("is refused where it holds its images or lies among them, through links too", async () => {
    const out = fresh("holds");
    cpSync(at("images"), join(out, "raw"), { recursive: true });
    symlinkSync(join(out, "raw"), at("link"));
    mkdirSync(at("links"));
    for (const name of ["a", "b"]) symlinkSync(join(out, "raw", `${name}.fits`), at("links", `${name}.fits`));
    const before = filesOf(out);
    for (const images of [join(out, "raw"), at("link"), at("links"), folder.path])
      await expect(make(out, images)).rejects.toMatchObject({ code: "OUT_HOLDS_INPUT" });
    symlinkSync(out, at("out-link"));
    await expect(make(at("out-link"), join(out, "raw"))).rejects.toMatchObject({ code: "OUT_HOLDS_INPUT" });
    expect(filesOf(out)).toEqual(before);
    rmSync(out, { recursive: true });
  });

  it("leaves the old one as it is where nothing can be taken in", async () => {
    const out = fresh("fails");
    mkdirSync(at("junk"), { recursive: true });
    writeFileSync(at("junk", "x.png"), "no picture");
    const before = filesOf(out);
    await expect(make(out, at("junk"))).rejects.toMatchObject({ code: "NO_STAMPS" });
    expect(filesOf(out)).toEqual(before);
    expect(existsSync(`${out}.partial`)).toBe(false);
  });

  it("keeps labels, files of the user's, and features of the stamps that stay", async () => {
    const out = fresh("kept");
    const { dataHash } = (await openSurvey(out)).header;
    const set = { model: "toy", weightsHash: "w", dataHash, dim: 2, count: 3, blockRows: 1 };
    const writer = writeFeatures(out, set);
    for (let i = 0; i < 3; i++) writer.write(i, Float32Array.of(i, i + 0.5));
    writer.close();
    mkdirSync(at("other"));
    for (const name of ["b", "c"]) cpSync(at("images", `${name}.fits`), at("other", `${name}.fits`));
    image(at("other", "d.fits"), 9);
    symlinkSync(out, at("kept-link"));
    await make(at("kept-link"), at("other"));
    const survey = await openSurvey(out);
    expect(survey.rows.map(({ id }) => id)).toEqual(["b", "c", "d"]);
    expect(readFileSync(join(out, "notes/thesis.tex"), "utf8")).toBe("mine");
    expect(readFileSync(join(out, "stamps/notes.txt"), "utf8")).toBe("mine too");
    expect(await (await openStore(out)).sessions()).toEqual([]);
    // d is new: its block is missing, and only that.
    const rest = writeFeatures(out, { ...set, dataHash: survey.header.dataHash });
    expect([0, 1, 2].map((block) => rest.finished(block))).toEqual([true, true, false]);
    rest.write(2, Float32Array.of(7, 7));
    rest.close();
    const features = openFeatures(out, "toy");
    expect([...features.rows(0, 3)]).toEqual([1, 1.5, 2, 2.5, 7, 7]);
    features.close();
    survey.close();
    expect(readdirSync(folder.path).filter((name) => /partial|replaced|lock/.test(name))).toEqual([]);
  });

  it("lets labels go only where that is said", async () => {
    const out = fresh("discarded");
    await make(out, at("images"), true, { discardLabels: true });
    expect([existsSync(join(out, "skyloop.db")), existsSync(join(out, "notes/thesis.tex"))]).toEqual([false, true]);
    const stays = fresh("stays");
    writeFileSync(join(stays, "skyloop.db"), "no database at all");
    await make(stays, at("images"));
    expect(readFileSync(join(stays, "skyloop.db"), "utf8")).toBe("no database at all");
  });

  it("is refused while another program has its labels open", async () => {
    const out = fresh("served");
    const store = await openStore(out);
    await expect(make(out, at("images"))).rejects.toMatchObject({ code: "SURVEY_IN_USE" });
    await store.close();
    expect((await openSurvey(out)).rows).toHaveLength(3);
  });

  it("never removes a folder that is not its own", async () => {
    for (const name of ["taken.partial", "first.replaced"]) {
      mkdirSync(at(name));
      writeFileSync(at(name, "thesis.tex"), "mine");
    }
    await expect(make(at("taken"), at("images"), false)).rejects.toMatchObject({ code: "FOLDER_IN_THE_WAY" });
    await expect(make(at("first"), at("images"))).rejects.toMatchObject({ code: "FOLDER_IN_THE_WAY" });
    expect((await openSurvey(at("first"))).rows).toHaveLength(3);
    for (const name of ["taken.partial", "first.replaced"]) {
      expect(readFileSync(at(name, "thesis.tex"), "utf8")).toBe("mine");
      rmSync(at(name), { recursive: true });
    }
    // A survey of the user's that happens to be called so.
    cpSync(at("first"), at("taken.partial"), { recursive: true });
    await expect(make(at("taken"), at("images"), false)).rejects.toMatchObject({ code: "FOLDER_IN_THE_WAY" });
    rmSync(at("taken.partial"), { recursive: true });
  });

  it("comes back under its name where the new one never got it", async () => {
    const out = fresh("half");
    writeFileSync(join(out, ".replaced-by.json"), '{"by": "x"}');
    renameSync(out, `${out}.replaced`);
    expect((await openSurvey(out)).rows).toHaveLength(3);
    expect(readdirSync(out)).not.toContain(".replaced-by.json");
  });
});

/** Ids of the survey at `out` after it was left half replaced; checks that it is whole, labels and all. */
async function foundAt(out: string): Promise<string> {
  const survey = await openSurvey(out);
  const ids = survey.rows.map(({ id }) => id).join();
  expect(["a,b,c", "b"]).toContain(ids);
  for (let i = 0; i < survey.rows.length; i++) expect((await survey.readStamp(i)).data.length % 256).toBe(0);
  survey.close();
  expect(existsSync(join(out, "skyloop.db"))).toBe(true);
  expect(readFileSync(join(out, "notes/thesis.tex"), "utf8")).toBe("mine");
  if (existsSync(`${out}.replaced`)) expect(readdirSync(`${out}.replaced`)).toEqual([]);
  return ids;
}

describe("killed while it is replaced", () => {
  it("the old or the new survey is whole, with its labels, whatever call was the last", async () => {
    const outcomes: string[] = [];
    for (let n = 1, died = true; died; n++) {
      const out = fresh(`dead-${n}`);
      died = await dieAt(n, () => replaceByOne(out));
      outcomes.push(await foundAt(out));
      await replaceByOne(out);
      expect(await foundAt(out)).toBe("b");
      rmSync(out, { recursive: true });
    }
    console.log("survey found after death before call 1, 2, …:", outcomes.join(" "));
    expect(outcomes.length).toBeGreaterThan(15);
    expect(new Set(outcomes)).toEqual(new Set(["a,b,c", "b"]));
  }, 60_000);

  it("by SIGKILL too", async () => {
    const trial = async (n: number) => {
      const out = fresh(`kill-${n}`);
      const script = join(PACKAGE_ROOT, "test/fixtures/replace-survey.mts");
      const child = spawn(process.execPath, ["--import", "tsx", script, out, String(n)], {
        stdio: ["ignore", "ignore", "inherit"],
        cwd: PACKAGE_ROOT,
      });
      expect((await once(child, "exit"))[1]).toBe("SIGKILL");
      return await foundAt(out);
    };
    expect(await Promise.all([trial(11), trial(16)])).toEqual(["a,b,c", "b"]);
  }, 30_000);
});
