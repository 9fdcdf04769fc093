// Named here so that this file has a process of its own: syncBuiltinESMExports (dieAt).
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { dieAt } from "../../../test/fixtures/die-at.ts";
import { ONE_BAND, oneBandStamp } from "../../../test/fixtures/one-band.ts";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { SILENT } from "../../base/progress.ts";
import { createSurvey } from "../create.ts";
import { writeFitsImage } from "../fits.ts";
import { SurveyWriter } from "../folder.ts";
import { dropPartial } from "../replace.ts";
import { type SimulateOptions, simulateSurvey } from "./index.ts";
import { simulateScenes } from "./scenes.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const options: SimulateOptions = {
  count: 4,
  seed: 3,
  sizePx: 32,
  workers: 1,
  progress: SILENT,
  command: "the command",
};

/** Every file of a folder with its bytes; a survey's header without the time at which it was made. */
function contentOf(path: string): Record<string, string> {
  const files = (readdirSync(path, { recursive: true }) as string[]).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((name) => {
      if (name !== "survey.json") return [name, readFileSync(join(path, name), "base64")];
      return [name, JSON.stringify({ ...JSON.parse(readFileSync(join(path, name), "utf8")), createdAt: "" })];
    }),
  );
}
/** Things that the mark of an unfinished folder lists. */
const wholeIn = (out: string) => {
  const mark = join(`${out}.partial`, ".unfinished");
  return existsSync(mark) ? Math.max(0, readFileSync(mark, "utf8").split("\n").length - 3) : 0;
};

describe("a simulation that is killed", () => {
  const start = (out: string, more: string[]) =>
    spawn(
      process.execPath,
      [join(PACKAGE_ROOT, "bin/skyloop"), "survey", "simulate", out, "--seed", "6", "--workers", "1", ...more],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
  /** The bytes of a survey that was killed twice before it was finished, and of one that was not. */
  async function killTwice(name: string, count: number, more: string[], first: string) {
    // The command stands in the headers, so both surveys need the same.
    const [whole, out] = [join(at("once"), name), join(at("kill"), name)];
    const run = (path: string) => {
      mkdirSync(join(path, ".."), { recursive: true });
      return start(path, more);
    };
    expect(await once(run(whole), "exit")).toEqual([0, null]);
    let made = 0;
    for (const from of [count / 4, count / 2]) {
      const child = run(out);
      while (wholeIn(out) < from) await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill("SIGKILL");
      expect((await once(child, "exit"))[1]).toBe("SIGKILL");
      expect(existsSync(out)).toBe(false);
      const before = statSync(join(`${out}.partial`, first));
      if (made > 0) expect(before.ino).toBe(made);
      made = before.ino;
      // What a kill cuts short in the middle of a line.
      appendFileSync(join(`${out}.partial`, ".unfinished"), "[12,");
    }
    expect(wholeIn(out)).toBeLessThan(count);
    expect(await once(run(out), "exit")).toEqual([0, null]);
    expect(statSync(join(out, first)).ino).toBe(made);
    const [a, b] = [contentOf(whole), contentOf(out)];
    for (const one of [a, b])
      if ("survey.json" in one) one["survey.json"] = one["survey.json"].replace(/(once|kill)\//g, "");
    for (const one of [a, b])
      if ("annotations.json" in one)
        one["annotations.json"] = Buffer.from(one["annotations.json"], "base64")
          .toString("utf8")
          .replace(/(once|kill)\//, "");
    expect(Object.keys(b)).toEqual(Object.keys(a));
    expect(b).toEqual(a);
  }

  it("goes on where it was, twice, and ends with the same bytes: stamps of float32", async () => {
    await killTwice("f32", 40, ["--count", "40", "--size", "48"], "stamps/0000.pack");
  });
  it("stamps as pictures", async () => {
    await killTwice("webp", 40, ["--count", "40", "--size", "48", "--keep", "webp"], "stamps/0000.pack");
  });
  it("fields with annotations", async () => {
    await killTwice("fields", 12, ["--scenes", "12", "--size", "64"], "images/field-000001.fits");
  });

  /** Writes four stamps as a simulation does, without drawing them. */
  async function write(out: string): Promise<void> {
    const writer = new SurveyWriter(out, { ...ONE_BAND, request: { four: "stamps" } });
    try {
      for (let i = 0, isWritten = true; i < 4; i++) {
        const stamp = oneBandStamp(
          `s${i}`,
          Float32Array.from({ length: 256 }, (_, p) => 256 * i + p),
        );
        isWritten &&= writer.addWritten(stamp, "f32");
        if (!isWritten) writer.add(stamp);
      }
      await writer.finish();
    } catch (error) {
      writer.abort();
      throw error;
    }
  }

  it("whatever call was the last", async () => {
    await write(at("reference"));
    const reference = contentOf(at("reference"));
    let [n, died] = [1, true];
    for (; died; n++) {
      const out = at(`dead-${n}`);
      died = await dieAt(n, () => write(out));
      if (!existsSync(out)) await write(out);
      // The mark goes once the survey has its name; where it could not, it is no part of it.
      const { ".unfinished": mark, ...found } = contentOf(out);
      expect(found, `before call ${n}`).toEqual(reference);
      if (!died) expect(mark).toBeUndefined();
    }
    console.log(`killed before each of ${n - 2} calls`);
    expect(n).toBeGreaterThan(20);
  });

  it("between a field's image and its line, or in the middle of the image", async () => {
    const fields = { ...options, scenes: 2, sizePx: 64 };
    await simulateScenes(at("fields-whole"), fields);
    const out = at("fields-cut");
    const image = join(`${out}.partial`, "images/field-000001.fits");
    for (let n = 1; !existsSync(image); n++) await dieAt(n, () => simulateScenes(out, fields));
    expect(wholeIn(out)).toBe(0);
    truncateSync(image, 5_000);
    writeFileSync(join(`${out}.partial`, "images/field-000002.jpg"), "another's");
    await simulateScenes(out, fields);
    expect(contentOf(out)).toEqual(contentOf(at("fields-whole")));
  });

  it("with a full disk, says so, keeps what is whole, and goes on when there is room", async () => {
    const out = at("full");
    let kept = 0;
    for (let n = 12; kept < 2; n++) {
      await dieAt(n, () => expect(write(out)).rejects.toMatchObject({ code: "DISK_FULL" }), "ENOSPC");
      kept = wholeIn(out);
    }
    await write(out);
    expect(contentOf(out)).toEqual(contentOf(at("reference")));
  });

  it("goes on from the last stamp that is whole", async () => {
    const out = at("damaged");
    for (let n = 12; wholeIn(out) < 4; n++) await dieAt(n, () => write(out));
    const pack = join(`${out}.partial`, "stamps/0000.pack");
    const bytes = readFileSync(pack);
    bytes[2 * 1024 + 5] ^= 1;
    writeFileSync(pack, bytes);
    await write(out);
    expect(contentOf(out)).toEqual(contentOf(at("reference")));
  });
});

describe("a simulation that was begun", () => {
  it("is not gone on with by another command", async () => {
    const out = at("begun");
    for (let n = 12; wholeIn(out) < 1; n++) await dieAt(n, () => simulateSurvey(out, options));
    const whole = wholeIn(out);
    const differs = (message: RegExp) => ({ code: "SIMULATION_DIFFERS", message: expect.stringMatching(message) });
    await expect(simulateSurvey(out, { ...options, seed: 4 })).rejects.toMatchObject(
      differs(/seed was 3 and is 4.*skyloop the command/),
    );
    await expect(simulateSurvey(out, { ...options, keep: "none" })).rejects.toMatchObject(differs(/delete the folder/));
    await expect(simulateScenes(out, { ...options, scenes: 2, sizePx: 64 })).rejects.toMatchObject(
      differs(/scenes was undefined and is 2/),
    );
    mkdirSync(at("images"));
    writeFitsImage(join(at("images"), "a.fits"), { widthPx: 8, heightPx: 8, planes: 1, data: new Float32Array(64) });
    const other = { out, images: at("images"), adaptiveCrop: false, command: "test", progress: SILENT };
    await expect(createSurvey(other)).rejects.toMatchObject(differs(/begun otherwise; finish/));
    expect(wholeIn(out)).toBe(whole);
    await simulateSurvey(out, { ...options, workers: 2 });
    await simulateSurvey(at("whole"), options);
    expect(contentOf(out)).toEqual(contentOf(at("whole")));
  });

  it("by another version of the simulator is finished by no command", async () => {
    const out = at("older");
    for (let n = 12; wholeIn(out) < 1; n++) await dieAt(n, () => simulateSurvey(out, options));
    const mark = join(`${out}.partial`, ".unfinished");
    writeFileSync(mark, readFileSync(mark, "utf8").replace('"simulator":', '"simulator":10'));
    await expect(simulateSurvey(out, options)).rejects.toMatchObject({
      code: "SIMULATION_DIFFERS",
      message: expect.stringMatching(/another version of Skyloop.*; delete the folder to begin anew$/),
    });
  });

  it("is dropped where it is nobody's, and nothing else", async () => {
    const out = at("dropped");
    for (let n = 12; wholeIn(out) < 1; n++) await dieAt(n, () => simulateSurvey(out, options));
    dropPartial(out);
    expect(existsSync(`${out}.partial`)).toBe(false);
    dropPartial(out);
    mkdirSync(`${out}.partial`);
    writeFileSync(join(`${out}.partial`, "thesis.txt"), "mine");
    dropPartial(out);
    expect(readdirSync(`${out}.partial`)).toEqual(["thesis.txt"]);
    const running = simulateSurvey(at("running"), options);
    expect(() => dropPartial(at("running"))).toThrow(/LOCKED|being written/);
    await running;
  });

  it("is written by one at a time", async () => {
    const both = await Promise.allSettled([simulateSurvey(at("twice"), options), simulateSurvey(at("twice"), options)]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect((both[1] as PromiseRejectedResult).reason).toMatchObject({ code: "LOCKED" });
    const fields = { ...options, scenes: 1, sizePx: 64 };
    const scenes = await Promise.allSettled([simulateScenes(at("two"), fields), simulateScenes(at("two"), fields)]);
    expect((scenes[1] as PromiseRejectedResult).reason).toMatchObject({ code: "LOCKED" });
  });
});
