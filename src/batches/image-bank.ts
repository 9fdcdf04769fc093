/** All stamps of some surveys, decoded, cropped and resized once: what training draws its batches from. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashBytes } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { adaptiveCrop, resizeArea } from "../stamps/crop.ts";
import { modelInput } from "../stamps/model-input.ts";
import { renderLegacy } from "../stamps/render.ts";
import { openSurvey, type Stamp, type Survey } from "../survey/folder.ts";
import { scope, type Tensor, tensor } from "../torch/index.ts";
import { type StampPlace, storeInFile, storeInMemory } from "./stamp-store.ts";

/** What is true of a simulated galaxy, by the catalogue's columns. */
export type Truth = Record<string, string | number | boolean | null>;

export interface ImageBank {
  /** Images [n, 3, S, S] by their rows: colour in [0, 1], red first, or flux in nanomaggies (g, r, z) where `truth` stands; kept in half precision. */
  take(rows: number[]): Tensor;
  /** Where the images lie, for other threads. */
  place: StampPlace;
  /** Which survey each image is of, as its place in `surveys`. */
  surveyOf: Uint16Array;
  /** Parameters of simulated galaxies; null for real ones, whose labels no training sees. */
  truth: (Truth | null)[];
  count: number;
  /** Names the data: over the surveys' hashes and the size. */
  dataHash: string;
  /** Frees the images. */
  close(): void;
}

/** Images up to so many bytes stay in memory. */
const MEMORY_BYTES = 2 * 2 ** 30;

const BLOCK = 256;

/**
 * Decodes every stamp of the surveys at `sizePx`; those that cannot be read are skipped and counted in `skipped`. More than `memoryBytes` of images go to a file below
 * `scratch` that vanishes with this process. Throws DISK_FULL.
 */
export async function loadImageBank(
  folders: string[],
  sizePx: number,
  progress: Progress,
  { scratch = tmpdir(), memoryBytes = MEMORY_BYTES }: { scratch?: string; memoryBytes?: number } = {},
): Promise<ImageBank & { skipped: number }> {
  const surveys = await Promise.all(folders.map(openSurvey));
  const total = surveys.reduce((sum, survey) => sum + survey.header.count, 0);
  const plane = 3 * sizePx * sizePx;
  const writer = 2 * plane * total > memoryBytes ? storeInFile(join(scratch, `stamps-${process.pid}.f16`), sizePx) : storeInMemory(sizePx);
  const surveyOf: number[] = [];
  const truth: (Truth | null)[] = [];
  let [done, skipped] = [0, 0];
  for (const [s, survey] of surveys.entries()) {
    const simulated = isSimulated(survey);
    for (let from = 0; from < survey.header.count; from += BLOCK) {
      const indices = Array.from({ length: Math.min(BLOCK, survey.header.count - from) }, (_, i) => from + i);
      const inputs = await Promise.all(indices.map(async (index) => readInput(survey, index, sizePx, simulated)));
      const good = indices.filter((_, i) => inputs[i] !== null);
      const block = new Float32Array(good.length * plane);
      for (const [i, index] of good.entries()) block.set(inputs[index - from] as Float32Array, i * plane);
      if (good.length > 0) scope(() => writer.add(tensor(block, [good.length, 3, sizePx, sizePx])));
      for (const index of good) {
        surveyOf.push(s);
        truth.push(simulated ? survey.rows[index].columns : null);
      }
      skipped += inputs.length - good.length;
      done += inputs.length;
      progress.update(done, total);
    }
  }
  const dataHash = hashBytes(`flux kept ${sizePx} ${surveys.map(({ header }) => header.dataHash).join(" ")}`);
  for (const survey of surveys) survey.close();
  const store = writer.finish();
  return { take: store.take, place: store.place, close: store.close, surveyOf: Uint16Array.from(surveyOf), truth, count: surveyOf.length, dataHash, skipped };
}

/** Surveys of our simulation keep their flux, to be shown by many stretches, and their truth. */
function isSimulated({ header }: Survey): boolean {
  return header.seed !== null && header.kind === "flux" && header.bands.join() === "g,r,z";
}

async function readInput(survey: Survey, index: number, sizePx: number, asFlux: boolean): Promise<Float32Array | null> {
  try {
    const stamp = await survey.readStamp(index);
    const input = asFlux ? fluxInput(stamp, sizePx) : modelInput(stamp, { sizePx, adaptiveCrop: survey.header.adaptiveCrop });
    return input.every(Number.isFinite) ? input : null;
  } catch {
    return null;
  }
}

/** The flux of the square that the adaptive crop of the rendered stamp finds, [3, size, size]. */
function fluxInput(stamp: Stamp, sizePx: number): Float32Array {
  const { widthPx, heightPx, data } = stamp;
  return resizeArea(data, 3, widthPx, heightPx, adaptiveCrop(renderLegacy(stamp), widthPx, heightPx), sizePx);
}
