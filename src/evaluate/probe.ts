/**
 * Probes of frozen features: classifiers trained on n examples per class and measured on held-out objects, mean and
 * standard deviation over seeds; for two classes also the gain of one round of the loop.
 */

import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { choose, ruleMode } from "../loop/choose.ts";
import { type FeatureSpace, featureSpace, learn } from "../loop/learn.ts";
import { type ClassMeasures, measureClasses } from "../measure/classes.ts";
import { meanAndSd } from "../measure/ranking.ts";
import { openSurvey } from "../survey/folder.ts";
import type { Tensor } from "../torch/index.ts";
import { type LabelledObject, labelledObjects, splitGroups, VALIDATION_SHARE } from "./probe-data.ts";
import { jointFeatures } from "./probe-features.ts";
import { HEADS, type HeadName } from "./probe-heads.ts";
import { type NetworkName, networkScores, probeImages } from "./probe-networks.ts";

/** A question to features: surveys, label column, classes, numbers of examples, heads. */
export interface ProbeOptions {
  surveys: string[];
  /** Feature set, `pixels-pca`, or `random:MODEL` for the network with initial weights. */
  model: string;
  columns: string[];
  /** Values of the wanted class; every value is a class where empty. */
  positive: string[];
  /** With `positive`: values of the other class; every other value where empty. */
  negative: string[];
  /** Examples a class; 0 for all there are. */
  sizes: number[];
  heads: HeadName[];
  /** Networks that learn the pixels of the same examples, for `steps` batches with each of the first `seeds` draws. */
  networks?: { names: NetworkName[]; seeds: number; steps: number };
  seeds: number;
  splitSeed: number;
  progress: Progress;
}

interface Spread {
  mean: number;
  sd: number;
}
type Measures = Record<keyof ClassMeasures, Spread>;

/** What each head reached with each number of examples, on the validation split. */
export interface ProbeResult {
  surveys: string[];
  model: string;
  dim: number;
  classes: string[];
  seeds: number;
  split: {
    train: number;
    validation: number;
    validationShare: number;
    splitSeed: number;
    duplicatesKeptTogether: number;
  };
  /** By examples a class and head. */
  results: ({ perClass: number | "all"; head: HeadName | NetworkName } & Measures)[];
  /**
   * Two classes only: 5 + 5 examples, one page of 10 by the alpha rule (alpha 0.5) and the same number drawn at random.
   */
  loop: { labels: number; aupr: Spread; atRandom: Spread; shownPrecision: Spread } | null;
}

const LOOP = { start: 5, show: 10, alpha: 0.5 } as const;

/** Runs the probe. Throws COLUMN_MISSING, ONE_CLASS, TOO_FEW_LABELS, FEATURES_MISSING. */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const surveys = await Promise.all(options.surveys.map(openSurvey));
  const { objects, classes, duplicates } = await labelledObjects(
    surveys,
    options.columns,
    options.positive,
    options.negative,
  );
  const matrix = await jointFeatures(surveys, options.model);
  const { names: networks, steps, seeds: networkSeeds } = options.networks ?? { names: [], steps: 0, seeds: 0 };
  const images = networks.length === 0 ? null : await probeImages(surveys);
  for (const survey of surveys) survey.close();
  const space = featureSpace(matrix.data, matrix.dim);
  const { train, validation } = splitGroups(objects, options.splitSeed);
  const fewest = Math.min(...classes.map((_, label) => train.filter((object) => object.label === label).length));
  const wanted = Math.max(...options.sizes);
  if (wanted > fewest)
    throw new SkyloopError(
      "TOO_FEW_LABELS",
      `${wanted} examples a class were asked for; the rarest class has ${fewest} to learn from; give smaller --sizes`,
    );

  const rows = validation.map(({ row }) => row);
  const labels = validation.map(({ label }) => label);
  const results: ProbeResult["results"] = [];
  for (const size of options.sizes)
    for (const head of options.heads) {
      // With all examples only a learner's own chance is left; the logistic regression and the neighbours have none.
      const seeds = size === 0 && head !== "loop" ? 1 : options.seeds;
      const runs = Array.from({ length: seeds }, (_, i) =>
        measureClasses(
          HEADS[head](space, drawExamples(train, classes.length, size, i + 1), rows, classes.length, i + 1),
          labels,
          classes.length,
        ),
      );
      results.push({ perClass: size === 0 ? "all" : size, head, ...spreads(runs) });
      options.progress.update(results.length, options.sizes.length * (options.heads.length + networks.length));
    }
  for (const size of images === null ? [] : options.sizes)
    for (const name of networks) {
      const runs: ReturnType<typeof measureClasses>[] = [];
      for (let i = 0; i < networkSeeds; i++) {
        const examples = drawExamples(train, classes.length, size, i + 1);
        const scores = await networkScores(name, images as Tensor, examples, rows, classes.length, i + 1, steps);
        runs.push(measureClasses(scores, labels, classes.length));
      }
      results.push({ perClass: size === 0 ? "all" : size, head: name, ...spreads(runs) });
      options.progress.update(results.length, options.sizes.length * (options.heads.length + networks.length));
    }
  images?.dispose();
  options.progress.end();
  return {
    surveys: options.surveys,
    model: options.model,
    dim: matrix.dim,
    classes,
    seeds: options.seeds,
    split: {
      train: train.length,
      validation: validation.length,
      validationShare: VALIDATION_SHARE,
      splitSeed: options.splitSeed,
      duplicatesKeptTogether: duplicates,
    },
    results,
    loop: classes.length === 2 ? loopRound(space, train, validation, options.seeds) : null,
  };
}

function spreads(runs: ClassMeasures[]): Measures {
  return Object.fromEntries(
    Object.keys(runs[0]).map((key) => [key, meanAndSd(runs.map((run) => run[key as keyof ClassMeasures]))]),
  ) as Measures;
}

/** `size` examples of each class, the first ones of an order that the seed decides; all of them for 0. */
export function drawExamples(train: LabelledObject[], classes: number, size: number, seed: number): LabelledObject[] {
  if (size === 0) return train;
  const order = new Random(seed).fork("examples").shuffle(train.slice());
  return Array.from({ length: classes }, (_, label) =>
    order.filter((object) => object.label === label).slice(0, size),
  ).flat();
}

function loopRound(
  space: FeatureSpace,
  train: LabelledObject[],
  validation: LabelledObject[],
  seeds: number,
): NonNullable<ProbeResult["loop"]> {
  const rows = validation.map(({ row }) => row);
  const labels = validation.map(({ label }) => label);
  const found = Array.from({ length: seeds }, (_, i) => {
    const seed = i + 1;
    const start = drawExamples(train, 2, LOOP.start, seed).map(({ row, label }) => ({ row, positive: label === 1 }));
    const known = new Set(start.map(({ row }) => row));
    const truth = new Map(train.map(({ row, label }) => [row, label === 1]));
    const candidates = train.map(({ row }) => row).filter((row) => !known.has(row));
    const learner = learn(space, start, seed);
    const scores = new Float32Array(space.count);
    const values = learner.scoreRows(candidates);
    learner.dispose();
    for (const [at, row] of candidates.entries()) scores[row] = values[at];
    const mode = ruleMode(LOOP.start, LOOP.start, LOOP.alpha);
    const given = { scores, candidates, mode, examples: start, pageSize: LOOP.show, seed: seed * 1000, space };
    const page = (randomPicks: number) =>
      choose({ ...given, randomPicks }).page.map(({ row }) => ({ row, positive: truth.get(row) === true }));
    const aupr = (examples: { row: number; positive: boolean }[]) => {
      const then = learn(space, examples, seed);
      const final = then.scoreRows(rows);
      then.dispose();
      return measureClasses(
        Float32Array.from({ length: 2 * rows.length }, (_, at) =>
          at % 2 === 1 ? final[(at - 1) / 2] : 1 - final[at / 2],
        ),
        labels,
        2,
      ).aupr;
    };
    const shown = page(0);
    return {
      aupr: aupr([...start, ...shown]),
      atRandom: aupr([...start, ...page(LOOP.show)]),
      precision: shown.filter(({ positive }) => positive).length / shown.length,
    };
  });
  return {
    labels: 2 * LOOP.start + LOOP.show,
    aupr: meanAndSd(found.map((run) => run.aupr)),
    atRandom: meanAndSd(found.map((run) => run.atRandom)),
    shownPrecision: meanAndSd(found.map((run) => run.precision)),
  };
}
