/** A recipe of a training run: which network, data, objectives and schedule. */
import { resolve } from "node:path";
import { z } from "zod";
import { SkyloopError } from "../../base/errors.ts";
import { readJson } from "../../base/files.ts";
import { ELLIPSE_PATTERN_DIM } from "../../models/ellipse-patterns.ts";
import { POOLINGS } from "../../models/feature-pooling.ts";
import { VIEWS } from "../../models/feature-projection.ts";
import type { FeatureReading } from "../../models/feature-reader.ts";
import { PRECISIONS } from "../../torch/index.ts";
import { Catalogue } from "./catalogue.ts";

const weight = z.number().positive().optional();

/** A recipe file. Surveys are folders, relative to the recipe's own folder or given on the command line. */
export const Recipe = z.strictObject({
  model: z.string(),
  surveys: z.array(z.string()).default([]),
  /** How often a galaxy of a survey, by the name of its folder, is seen while others are seen once: 0.5, 2. */
  surveyWeights: z.record(z.string(), z.number().positive()).default({}),
  /** Weights to begin with (a safetensors file, relative to the recipe's folder); initial ones where absent. */
  initFrom: z.string().optional(),
  /** Weights of a smaller network whose knowledge a larger one begins with (`models/grow.ts`), in the same way. */
  growFrom: z.string().optional(),
  /** Side of the images kept in memory, and of the views the model sees. */
  bankPx: z.int().positive(),
  viewPx: z.int().positive(),
  /** What is minimised: each objective's weight in the sum. */
  objectives: z
    .strictObject({
      autoencode: weight,
      masked: weight,
      vicreg: weight,
      simulated: weight,
      structures: weight,
      catalogue: weight,
    })
    .default({}),
  /** For the objective `catalogue`: which columns of which surveys are foretold (`catalogue.ts`). */
  catalogue: Catalogue.optional(),
  /** How the encoder's maps become features, in training and afterwards. */
  pooling: z.enum(POOLINGS).default("last"),
  /**
   * Whether every image is brought to a common range of brightness first: in training and when features are read; only
   * then ("reading"); or only then, and beside the features of images as they are ("both").
   */
  commonRange: z.union([z.boolean(), z.enum(["reading", "both"])]).default(false),
  /**
   * Afterwards: in which ways (`VIEWS` of models/feature-projection.ts) an image is shown to average its features, and to how many numbers
   * they are projected.
   */
  views: z.literal(VIEWS).default(1),
  projection: z.int().positive().optional(),
  /** Beside those: to how many numbers patterns in rings of the finer maps are projected (`models/ring-pooling.ts`). */
  rings: z.int().positive().optional(),
  /** And to how many numbers patterns of the light itself in ellipses (`models/ellipse-patterns.ts`). */
  ellipses: z.int().positive().max(ELLIPSE_PATTERN_DIM).optional(),
  /**
   * Whether columns that tell structures painted into the galaxies (`stamps/structures/paint.ts`) are fitted beside all
   * others.
   */
  structures: z.boolean().optional(),
  /**
   * 0: nothing is trained; the weights of `initFrom` keep their projection, and `rings`, `ellipses`, `structures` and what
   * `catalogue` says are fitted beside it.
   */
  steps: z.int().min(0),
  /** Galaxies a pass; `accumulate` passes make a step. */
  batchSize: z.int().min(2),
  accumulate: z.int().positive().default(1),
  /**
   * In how many parts the images are, where processes that train together hold some of them each: a multiple of their
   * number. Absent: each holds all.
   */
  shards: z.int().min(2).max(65_535).optional(),
  learningRate: z.number().positive(),
  weightDecay: z.number().min(0).default(0.05),
  warmupSteps: z.int().min(1).default(100),
  clipNorm: z.number().positive().default(3),
  /** The released weights are a running mean of the trained ones with this memory (0: the last ones). */
  averageDecay: z.number().min(0).lt(1).default(0),
  checkpointEvery: z.int().positive().default(100),
  seed: z.int().min(0),
  threads: z.int().positive().optional(),
  /**
   * What linear layers' products round their factors to; bfloat16 is faster where the processor has it. Weights and
   * sums stay in single precision.
   */
  precision: z.enum(PRECISIONS).default("float32"),
  /** Whether a thread of its own makes the views of coming passes; the weights are the same. */
  viewsAhead: z.boolean().default(true),
});
export type Recipe = z.infer<typeof Recipe>;

/** How the features of a recipe's encoder are read; `begun` are the notes of the weights that it began with. */
export function featureReadingOf(
  { commonRange, viewPx: sizePx, pooling, views, rings, ellipses, steps }: Recipe,
  begun: Record<string, string>,
): Omit<FeatureReading, "projection"> {
  // Without a step, weights whose features have patterns already keep them.
  const has = (columns: number | undefined, noted: string | undefined) =>
    columns !== undefined || (steps === 0 && noted === "true");
  return {
    sizePx,
    pooling,
    commonRange: commonRange === "both" ? commonRange : commonRange !== false,
    rings: has(rings, begun.rings),
    ellipses: has(ellipses, begun.ellipses),
    views,
  };
}

/** Reads and checks a recipe. Throws BAD_RECIPE naming each fault. */
export function readRecipe(path: string): Recipe {
  const parsed = Recipe.safeParse(readJson(path));
  if (!parsed.success)
    throw new SkyloopError("BAD_RECIPE", `${path}: ${z.prettifyError(parsed.error).replaceAll("\n", "; ")}`);
  const { surveys, initFrom, growFrom, ...rest } = parsed.data;
  const { objectives, steps, projection, rings, ellipses, structures, catalogue } = rest;
  const fitted = [rings, ellipses, catalogue, structures === true ? structures : undefined];
  const named = Object.values(objectives).some((value) => value !== undefined);
  if (steps === 0 ? named || initFrom === undefined || fitted.every((one) => one === undefined) : !named)
    throw new SkyloopError(
      "BAD_RECIPE",
      steps === 0
        ? `${path}: with 0 steps nothing is trained: give initFrom and what is fitted (rings, ellipses, structures, a catalogue), and no objectives`
        : `${path}: names no objective`,
    );
  if (steps > 0 && (rings ?? ellipses) !== undefined && projection === undefined)
    throw new SkyloopError("BAD_RECIPE", `${path}: rings and ellipses stand beside a projection; give one`);
  if (initFrom !== undefined && growFrom !== undefined)
    throw new SkyloopError("BAD_RECIPE", `${path}: gives both initFrom and growFrom; a run begins from one of them`);
  if (steps > 0 && (objectives.catalogue === undefined) !== (catalogue === undefined))
    throw new SkyloopError(
      "BAD_RECIPE",
      `${path}: the objective "catalogue" and the list "catalogue" of what it foretells go together; give both or neither`,
    );
  const beside = (file: string) => resolve(path, "..", file);
  return {
    ...rest,
    surveys: surveys.map(beside),
    ...(initFrom === undefined ? {} : { initFrom: beside(initFrom) }),
    ...(growFrom === undefined ? {} : { growFrom: beside(growFrom) }),
  };
}
