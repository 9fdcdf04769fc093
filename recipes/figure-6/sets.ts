/** The fields of Figure 6: simulated ones, lenses painted on Galaxy10 DECaLS, and real lenses of CFHTLS. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { readJson } from "../../src/base/files.ts";
import { terminalProgress } from "../../src/base/progress.ts";
import { lensPainter } from "../../src/stamps/paint-lenses.ts";
import { readTable } from "../../src/survey/catalogue.ts";
import { decodePicture } from "../../src/survey/folder.ts";
import { simulateScenes } from "../../src/survey/simulate/scenes.ts";
import { checkApart } from "../../src/train/detect/data.ts";

/** Ranges of the pictures of Galaxy10 DECaLS, in the order of their names: no picture stands in two sets. */
const BACKGROUNDS = { train: [1, 660], test: [661, 874] } as const;
const SIZE_PX = 256;

/** How many fields a set has, and where what is made stands. */
export interface SetOptions {
  data: string;
  work: string;
  train: number;
  test: number;
}

async function simulated(work: string, name: string, scenes: number, seed: number): Promise<string> {
  const out = join(work, name);
  if (!existsSync(join(out, "annotations.json")))
    await simulateScenes(out, {
      scenes,
      seed,
      sizePx: SIZE_PX,
      progress: terminalProgress(name, "fields"),
      command: "recipe figure-6",
    });
  return out;
}

async function semiReal(
  { data, work }: SetOptions,
  part: keyof typeof BACKGROUNDS,
  scenes: number,
  seed: number,
): Promise<string> {
  const name = `semi-real-${part}-${scenes}`;
  const out = join(work, name);
  const folder = join(data, "galaxy10_decals/images");
  const onto = lensPainter({ folder, seed, sizePx: SIZE_PX, range: BACKGROUNDS[part] });
  if (!existsSync(join(out, "annotations.json")))
    await simulateScenes(out, {
      scenes,
      seed,
      sizePx: SIZE_PX,
      onto,
      progress: terminalProgress(name, "fields"),
      command: "recipe figure-6",
    });
  return out;
}

/** Folders of the training and of each test. */
export async function makeSets(options: SetOptions): Promise<{ train: string[]; tests: Record<string, string> }> {
  const { work, train, test } = options;
  mkdirSync(work, { recursive: true });
  const sets = {
    train: [await simulated(work, `simulated-train-${train}`, train, 1), await semiReal(options, "train", train, 2)],
    tests: {
      simulated: await simulated(work, `simulated-test-${test}`, test, 3),
      "semi-real": await semiReal(options, "test", test, 4),
    },
  };
  // Simulated fields are backgrounds of their own.
  checkApart({
    "training fields": backgroundsIn(sets.train[1]),
    "test fields": backgroundsIn(sets.tests["semi-real"]),
  });
  return sets;
}

const backgroundsIn = (folder: string) =>
  (readJson(join(folder, "annotations.json")) as { images: { background: string }[] }).images;

/** A picture of a lens candidate, its middle the candidate: [3, side, side] in [0, 1] at the detectors' scale. */
export interface RealLens {
  grade: string;
  pixels: Float32Array;
  sizePx: number;
}

/** Side of a pixel of the Space Warps pictures and of the detectors, arcsec. */
const [CFHTLS_SCALE, SCALE] = [0.15, 0.262];
/** Side of a detector's pixel, arcsec. */
export const SCALE_ARCSEC = SCALE;

/**
 * The lens candidates of Space Warps of grades A and B (CFHTLS; other bands and another rendering than the detectors know): test only.
 */
export async function realLenses(data: string): Promise<RealLens[]> {
  const folder = join(data, "spacewarps_cfhtls");
  const { rows } = await readTable(join(folder, "labels.csv"));
  return Promise.all(
    // Grade C is neither a lens nor none.
    rows
      .filter(({ label }) => label === "lens_A" || label === "lens_B")
      .map(async ({ file, label }) => {
        const bytes = readFileSync(join(folder, String(file)));
        const { width } = await sharp(bytes).metadata();
        const sizePx = Math.round((width * CFHTLS_SCALE) / SCALE);
        const small = await sharp(bytes).resize(sizePx, sizePx, { kernel: "lanczos3" }).png().toBuffer();
        return { grade: String(label), pixels: await decodePicture(small), sizePx };
      }),
  );
}
