/** From the images in memory to the material of a step: which galaxies, and two views of each. */
import type { Random } from "../../base/random.ts";
import { augment, DEFAULT_AUGMENT } from "../../batches/augment.ts";
import type { ImageBank, KnownColumns } from "../../batches/image-bank.ts";
import { noiseFrom } from "../../batches/noise.ts";
import { randomStretch } from "../../batches/stretch.ts";
import { commonRange } from "../../models/feature-pooling.ts";
import { paintStructures, STRUCTURES } from "../../stamps/structures/paint.ts";
import { cat, noGrad, op, scope, type Tensor, tensor } from "../../torch/index.ts";
import type { Recipe } from "./recipe.ts";

/** The settings of a recipe that decide how views look. */
export type ViewSettings = Pick<Recipe, "viewPx" | "commonRange" | "objectives">;

/**
 * Of which part of a batch the views are wanted: every `size`-th galaxy from the `rank`-th on, so that real and
 * simulated ones come to all processes alike.
 */
export interface Part {
  rank: number;
  size: number;
}
/** The part of a process that trains alone: everything. */
export const WHOLE: Part = { rank: 0, size: 1 };

/** A batch's galaxies of which views are made. */
export interface PartOfBatch {
  /** All of the batch, in the order of their places. */
  all: number[];
  /** Which of them are picked. */
  places: number[];
  rows: number[];
  /** Which of those picked are simulated. */
  simulated: boolean[];
}

/**
 * The galaxies of a part of a batch. Real ones come first, so that they come to all processes alike, unless each
 * process holds its own images (`sharded`): then the order is the sampler's, which mixes each process's own.
 */
export function pick(
  batch: number[],
  isSimulated: (row: number) => boolean,
  { rank, size }: Part,
  sharded = false,
): PartOfBatch {
  const all = sharded ? batch : [...batch.filter((row) => !isSimulated(row)), ...batch.filter(isSimulated)];
  const places = [...all.keys()].filter((place) => place % size === rank);
  const rows = places.map((place) => all[place]);
  return { all, places, rows, simulated: rows.map(isSimulated) };
}

/**
 * Two views of each image, [2 B, 3, S, S]: all first views, then all second ones. The images [B, 3, s, s] are those
 * picked, pictures or simulated flux, which is shown by another stretch in each view. Noise is read from `table`. Each
 * galaxy draws with a generator that follows from its place in the whole batch, so that its views are the same in
 * whatever part it is.
 */
export function viewsOf(
  images: Tensor,
  { simulated, places }: PartOfBatch,
  random: Random,
  settings: ViewSettings,
  table: Float32Array,
): Tensor {
  const randoms = places.map((place) => random.fork(place));
  return noGrad(() =>
    scope(() => {
      const flux = [...simulated.keys()].filter((i) => simulated[i]);
      const ofFlux = flux.map((i) => randoms[i]);
      const at = tensor(flux, [flux.length], "int64");
      const stretched = () =>
        op("index_copy", images, 0, at, randomStretch(images.indexSelect(0, at), ofFlux, noiseFrom(table, ofFlux)));
      const shown = () => {
        const view = augment(
          flux.length > 0 ? stretched() : images,
          randoms,
          { ...DEFAULT_AUGMENT, sizePx: settings.viewPx },
          noiseFrom(table, randoms),
        );
        return settings.commonRange === true ? commonRange(view) : view;
      };
      return cat([shown(), shown()], 0);
    }),
  );
}

/** How many of the real galaxies have structures painted in, where an objective asks for it. */
const PAINTED_SHARE = 0.5;

/**
 * Images [P, 3, s, s] of a part with structures painted into some of the real ones, and what was painted,
 * [P, STRUCTURES]: -1 where an image was left as it is. Drawn as `viewsOf` draws, apart from it.
 */
export function paintedOf(images: Tensor, { simulated, places }: PartOfBatch, random: Random, settings: ViewSettings) {
  const painted = new Float32Array(places.length * STRUCTURES.length).fill(-1);
  if (settings.objectives.structures === undefined) return { images, painted };
  const [, , sizePx] = images.shape;
  const pixels = images.toFloat32Array();
  const each = 3 * sizePx * sizePx;
  for (const [i, place] of places.entries()) {
    const own = random.fork(place).fork("structures");
    if (simulated[i] || own.next() >= PAINTED_SHARE) continue;
    const shown = paintStructures({ sizePx, pixels: pixels.slice(i * each, (i + 1) * each) }, own.fork("paint"));
    if (shown === null) continue;
    pixels.set(shown.picture.pixels, i * each);
    painted.set(shown.structures, i * STRUCTURES.length);
  }
  return { images: tensor(pixels, images.shape), painted };
}

/** What one process contributes to a step: views of its galaxies, and what is true of all galaxies of the batch. */
export interface PartViews {
  /** Two of each of the part's P galaxies, [2 P, 3, S, S]. */
  views: Tensor;
  /** Which of the batch's galaxies those are. */
  places: number[];
  /** The bank's rows of all the batch's galaxies, in the order of their places. */
  rows: number[];
  /** What was painted into each of the part's galaxies, [P, STRUCTURES] of 0 and 1; -1 in those left as they are. */
  painted: Float32Array;
  /** What is true of each galaxy of the whole batch; null for real ones. */
  truth: (KnownColumns | null)[];
}

/**
 * Two views of each galaxy of a part of the batch, and what is true of all of it. Everything random follows from
 * `random` and the noise `table`.
 */
export function makeViews(
  bank: ImageBank,
  batch: number[],
  random: Random,
  settings: ViewSettings,
  table: Float32Array,
  part: Part = WHOLE,
): PartViews {
  const picked = pick(batch, (row) => bank.truth[row] !== null, part, bank.shards !== undefined);
  const [views, painted] = noGrad(() =>
    scope(() => {
      const { images, painted } = paintedOf(bank.take(picked.rows), picked, random, settings);
      return [viewsOf(images, picked, random, settings, table), painted] as const;
    }),
  );
  const { all: rows, places } = picked;
  return { views, places, rows, painted, truth: rows.map((row) => bank.truth[row]) };
}
