/** All stamps of some surveys, decoded, cropped and resized once: what training draws its batches from. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { hashBytes } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { adaptiveCrop, resizeArea } from "../stamps/crop.ts";
import { modelInput } from "../stamps/model-input.ts";
import { renderLegacy } from "../stamps/render.ts";
import { openSurvey, type Stamp, type Survey } from "../survey/folder.ts";
import { type Group, scope, type Tensor, tensor } from "../torch/index.ts";
import { type StoredImages, storeInFile, storeInMemory, takeFrom } from "./stamp-store.ts";

/** What is true of a simulated galaxy, by the catalogue's columns. */
export type KnownColumns = Record<string, string | number | boolean | null>;

/** All images of one or several surveys at one size, to draw batches from. */
export interface ImageBank {
  /**
   * Images [n, 3, S, S] by their rows: colour in [0, 1], red first, or flux in nanomaggies (g, r, z) where `truth`
   * stands; kept in half precision.
   */
  take(rows: number[]): Tensor;
  /** Where the images lie, for other threads. */
  place: StoredImages;
  /** Which survey each image is of, as its place in `surveys`. */
  surveyOf: Uint16Array;
  /** Which of its survey's stamps each image is. */
  stampOf: Uint32Array;
  /** Parameters of simulated galaxies; null for real ones; what people said of those is in no bank. */
  truth: (KnownColumns | null)[];
  count: number;
  /** The parts of the images, where this process holds some of them only. */
  shards?: Shards;
  /** Names the data: over the surveys' hashes and the size. */
  dataHash: string;
  /** Frees the images. */
  close(): void;
}

/** Images in parts: how many parts there are, and which one each image is in, [N]. */
export interface Shards {
  count: number;
  of: Uint16Array;
}

/** Where images lie that are too many for memory, and which part of them this process holds. */
export interface BankOptions {
  /** Folder for the file of images that exceed `memoryBytes`. */
  scratch?: string;
  memoryBytes?: number;
  /**
   * How many parts the images are in, where processes that train together hold some of them each: process r of n those
   * whose number is r modulo n.
   */
  shards?: number;
  group?: Pick<Group, "rank" | "size" | "sumInto"> | null;
}

/** Images up to so many bytes stay in memory. */
const MEMORY_BYTES = 2 * 2 ** 30;

const BLOCK = 256;

/**
 * Decodes the stamps of the surveys at `sizePx`, every one or those of this process's shards; those that cannot be read
 * are skipped and counted in `skipped`, whoever was to read them. More than `memoryBytes` of images go to a file below
 * `scratch` that vanishes with this process. Throws BAD_RECIPE, DISK_FULL.
 */
export async function loadImageBank(
  folders: string[],
  sizePx: number,
  progress: Progress,
  { scratch = tmpdir(), memoryBytes = MEMORY_BYTES, shards, group = null }: BankOptions = {},
): Promise<ImageBank & { skipped: number }> {
  const { rank, size } = group ?? { rank: 0, size: 1 };
  if (shards !== undefined && shards % size !== 0)
    throw new SkyloopError(
      "BAD_RECIPE",
      `${size} processes cannot hold ${shards} shards alike; start a number of processes that divides them`,
    );
  const surveys = await Promise.all(folders.map(openSurvey));
  const total = surveys.reduce((sum, survey) => sum + survey.header.count, 0);
  const shardOf = (stamp: number) => (shards === undefined ? 0 : stamp % shards);
  const isOwn = (stamp: number) => shards === undefined || shardOf(stamp) % size === rank;
  const plane = 3 * sizePx * sizePx;
  const own = shards === undefined ? total : Math.ceil(total / size);
  const writer =
    2 * plane * own > memoryBytes
      ? storeInFile(join(scratch, `stamps-${process.pid}.f16`), sizePx)
      : storeInMemory(sizePx);
  // 1 for each stamp of all surveys that could not be read.
  const unread = new Float32Array(total);
  let first = 0;
  for (const survey of surveys) {
    const simulated = isSimulated(survey);
    for (let from = 0; from < survey.header.count; from += BLOCK) {
      const block = Array.from({ length: Math.min(BLOCK, survey.header.count - from) }, (_, i) => from + i);
      const indices = block.filter((index) => isOwn(first + index));
      const inputs = await Promise.all(indices.map(async (index) => readInput(survey, index, sizePx, simulated)));
      const good = inputs.filter((input) => input !== null);
      const pixels = new Float32Array(good.length * plane);
      for (const [i, input] of good.entries()) pixels.set(input, i * plane);
      if (good.length > 0) scope(() => writer.add(tensor(pixels, [good.length, 3, sizePx, sizePx])));
      for (const [i, index] of indices.entries()) unread[first + index] = inputs[i] === null ? 1 : 0;
      progress.update(first + from + block.length, total);
    }
    first += survey.header.count;
  }
  const lacking = shards === undefined || group === null ? unread : summed(unread, group);

  const surveyOf: number[] = [];
  const stampOf: number[] = [];
  const truth: (KnownColumns | null)[] = [];
  const parts: number[] = [];
  const heldAt: number[] = [];
  let [stamp, held] = [0, 0];
  for (const [s, survey] of surveys.entries()) {
    const simulated = isSimulated(survey);
    for (let index = 0; index < survey.header.count; index++, stamp++) {
      if (lacking[stamp] > 0) continue;
      surveyOf.push(s);
      stampOf.push(index);
      truth.push(simulated ? survey.rows[index].columns : null);
      parts.push(shardOf(stamp));
      heldAt.push(isOwn(stamp) ? held++ : -1);
    }
  }
  const dataHash = hashBytes(`flux kept ${sizePx} ${surveys.map(({ header }) => header.dataHash).join(" ")}`);
  for (const survey of surveys) survey.close();
  const store = writer.finish();
  const place = shards === undefined ? store.place : { ...store.place, heldAt: Int32Array.from(heldAt) };
  return {
    take: takeFrom(place),
    place,
    close: store.close,
    surveyOf: Uint16Array.from(surveyOf),
    stampOf: Uint32Array.from(stampOf),
    truth,
    count: surveyOf.length,
    ...(shards === undefined ? {} : { shards: { count: shards, of: Uint16Array.from(parts) } }),
    dataHash,
    skipped: total - surveyOf.length,
  };
}

/** Numbers summed over all processes. */
function summed(values: Float32Array, group: Pick<Group, "sumInto">): Float32Array {
  return scope(() => {
    const all = tensor(values, [values.length]);
    group.sumInto(all);
    return all.toFloat32Array();
  });
}

/** Surveys of our simulation keep their flux, to be shown by many stretches, and their truth. */
function isSimulated({ header }: Survey): boolean {
  return header.seed !== null && header.kind === "flux" && header.bands.join() === "g,r,z";
}

async function readInput(survey: Survey, index: number, sizePx: number, asFlux: boolean): Promise<Float32Array | null> {
  try {
    const stamp = await survey.readStamp(index);
    const input = asFlux
      ? fluxInput(stamp, sizePx)
      : modelInput(stamp, { sizePx, adaptiveCrop: survey.header.adaptiveCrop });
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
