/** Runs the command blocks of the documentation that are marked `sh run`, as a reader would, one page after another. */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { Random } from "../../src/base/random.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { pages, readBlocks } from "./pages.ts";

const KINDS = ["spiral", "elliptical"] as const;
const [COUNT, SIDE] = [24, 64];

/** What the pages presuppose: a folder DIR of pictures, and labels.csv with a class of each. */
async function writeImages(folder: string): Promise<void> {
  mkdirSync(join(folder, "DIR"));
  const random = new Random(1);
  const lines = ["file,label"];
  for (let i = 0; i < COUNT; i++) {
    const round = i % 2;
    const pixels = Buffer.alloc(SIDE * SIDE * 3);
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) {
        const [dx, dy] = [(x - SIDE / 2) / 9, (y - SIDE / 2) / (round ? 9 : 4)];
        const light = 200 * Math.exp(-Math.hypot(dx, dy)) + 10 * random.next();
        pixels.fill(Math.round(light), 3 * (y * SIDE + x), 3 * (y * SIDE + x) + 3);
      }
    const file = `galaxy-${String(i).padStart(2, "0")}.png`;
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toFile(join(folder, "DIR", file));
    lines.push(`${file},${KINDS[round]}`);
  }
  writeFileSync(join(folder, "labels.csv"), `${lines.join("\n")}\n`);
}

const scripts = pages.flatMap(({ path, text }) => {
  const run = readBlocks(text).blocks.filter(({ info }) => info === "sh run");
  return run.length === 0 ? [] : [{ path, script: run.map((block) => block.text).join("") }];
});

it("there are pages whose commands are run, README among them", () => {
  expect(scripts.map(({ path }) => path)).toContain("README.md");
});

describe.each(scripts)("$path", ({ script }) => {
  const folder = temporaryFolder();
  beforeAll(() => writeImages(folder.path));
  afterAll(() => folder.remove());

  it("its commands do what they say", () => {
    symlinkSync(join(PACKAGE_ROOT, "bin"), join(folder.path, "bin"));
    const { status, stderr, stdout } = spawnSync("bash", ["-e", "-c", script], {
      cwd: folder.path,
      encoding: "utf8",
      timeout: 110_000,
    });
    expect(status, `${script}\n${stdout}\n${stderr}`).toBe(0);
    expect(stdout).toContain(`${COUNT} stamps`);
  }, 120_000);
});
