/**
 * Parameters from columns of numbers: an ensemble on features and measured numbers, intervals that were checked on
 * held-out objects, measures on objects that took no part, a report, and a table of the whole survey.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { pickMixtures } from "../../measure/mixture.ts";
import { type Coverage, coverageOf, type RegressionScores, regressionScores } from "../../measure/regression.ts";
import { savePredictions, sourceOf } from "../../store/predictions.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";
import { saveHead } from "../../tasks/heads.ts";
import { type Anchor, anchored, anchorOf, turnedBack, withShare } from "../../tasks/parameters/anchor.ts";
import {
  ensembleSays,
  type HeadOutputs,
  heldOutSays,
  intervalReach,
  outputPlaces,
  replaceSaid,
  type Said,
} from "../../tasks/parameters/ensemble.ts";
import type { ParameterHead } from "../../tasks/parameters/head.ts";
import { type ParameterInputs, planInputs, readInputs } from "../../tasks/parameters/inputs.ts";
import { fitStretch, LEVELS, type SpreadScale, stretched } from "../../tasks/parameters/intervals.ts";
import {
  distanceTo,
  type ParameterCard,
  type ParameterModel,
  predictParameters,
  REFERENCE_NEIGHBOUR,
  standardisedInputs,
} from "../../tasks/parameters/model.ts";
import { type NumberTarget, readTarget, type TargetOptions, turnBetween } from "../../tasks/parameters/targets.ts";
import { PARAMETERS } from "../../tasks/parameters/task.ts";
import { writeParametersReport } from "./report.ts";
import { DEFAULT_ENSEMBLE, type EnsembleOptions, foldsOf, targetMatrix, trainEnsemble } from "./train-ensemble.ts";

/** Parameters to train: columns, inputs, split by the seed, folder of the result. */
export interface TrainParametersOptions extends TargetOptions {
  columns: string[];
  /** Encoder and feature set; null: measured numbers alone. */
  features: { model: string; name: string } | null;
  /** Table of measurements; null: features alone. */
  table: string | null;
  out: string;
  /** Name of the table of predictions that is kept with the survey. */
  name: string;
  ensemble?: Partial<EnsembleOptions>;
  /** Of the objects with a value, so many only measure. */
  testShare?: number;
  /** At most so many objects are learned from, drawn by the seed. */
  mostTrain?: number;
  command: string;
  progress: Progress;
}

/** How well one parameter is known. */
export interface ParameterResult {
  name: string;
  unit?: string;
  circular: boolean;
  objects: { train: number; test: number };
  scores: RegressionScores;
  /** Of the same test objects: root mean square error of the mean alone, and of measured numbers alone. */
  baselines: { constant: number; measured: number | null };
  /** Null: too few labels for intervals. */
  coverage: Coverage[] | null;
  /** Reasons to doubt the figures. */
  warnings: string[];
  /** Of the test objects: row of the catalogue, truth, prediction, half the width of the 68 % interval (NaN: none). */
  test: { row: number; truth: number; mean: number; half: number }[];
}

/** A training with its measures. */
export interface ParametersResult {
  survey: string;
  dataHash: string;
  command: string;
  model: string | null;
  table: string | null;
  seed: number;
  /** Name of the table of the whole survey, and how many of its objects are out of range. */
  kept: string;
  farObjects: number;
  count: number;
  parameters: ParameterResult[];
}

const TEST_SHARE = 0.2;
/** Objects whose inputs stand for all that was learned from. */
const MOST_REFERENCE = 1000;
const FAR_QUANTILE = 0.99;
/** Fewer objects than this get no interval. */
const FEW_LABELS = 50;
/** More than this is no prediction but the answer itself. */
const LEAK_R2 = 0.999;
/** A range is bounded where so many of its values lie at its end. */
const SHARE_AT_END = 0.01;

const pick = ({ values, width }: ParameterInputs, rows: readonly number[], from = 0): Float32Array => {
  const out = new Float32Array(rows.length * (width - from));
  for (const [i, row] of rows.entries())
    out.set(values.subarray(row * width + from, (row + 1) * width), i * (width - from));
  return out;
};

interface Split {
  train: number[];
  test: number[];
}

function splitRows(
  survey: Survey,
  targets: NumberTarget[],
  inputs: ParameterInputs | null,
  options: TrainParametersOptions,
): Split {
  const seed = options.ensemble?.seed ?? DEFAULT_ENSEMBLE.seed;
  const rows = Array.from({ length: survey.count }, (_, row) => row).filter((row) =>
    targets.some(({ values }) => Number.isFinite(values[row])),
  );
  const usable = inputs === null ? rows : rows.filter((row) => inputs.lacking[row] === 0);
  const order = Array.from(new Random(seed).fork("split").sample(rows.length, rows.length), (i) => rows[i]);
  const known = new Set(usable);
  const kept = order.filter((row) => known.has(row));
  const test = kept.slice(0, Math.max(4, Math.round((options.testShare ?? TEST_SHARE) * kept.length)));
  return { test, train: kept.slice(test.length, test.length + (options.mostTrain ?? kept.length)) };
}

function cardOf(
  { name, unit, circular, values }: NumberTarget,
  train: number[],
  stretch: SpreadScale | null,
  anchor: Anchor | null,
): ParameterCard {
  const known = train.map((row) => values[row]).filter(Number.isFinite);
  const [least, greatest] = [Math.min(...known), Math.max(...known)];
  const atEnd = (end: number) =>
    known.filter((value) => value === end).length >= Math.max(2, SHARE_AT_END * known.length);
  const own = unit === undefined ? {} : { unit };
  const bounded: ParameterCard["bounded"] = [atEnd(least), atEnd(greatest)];
  return { name, ...own, circular, least, greatest, bounded, stretch, ...(anchor === null ? {} : { anchor }) };
}

const residual = ({ circular }: Pick<NumberTarget, "circular">, truth: number, mean: number) =>
  circular ? turnBetween(truth, mean) : truth - mean;

/** Places in a list of rows that have a value of a target. */
const withValue = ({ values }: NumberTarget, rows: readonly number[]) =>
  rows.flatMap((row, i) => (Number.isFinite(values[row]) ? [i] : []));

/** The stretch of a target's intervals by what each network says of the fold that it has not seen. */
function stretchOf(target: NumberTarget, train: number[], said: Said): SpreadScale | null {
  const known = withValue(target, train);
  if (known.length < FEW_LABELS) return null;
  const reach = intervalReach(said);
  return fitStretch(
    known.map((i) => residual(target, target.values[train[i]], said.mean[i])),
    known.map((i) => said.spread[i]),
    (at, level) => reach(known[at], level),
  );
}

interface Measured {
  target: NumberTarget;
  split: Split;
  said: Said;
  stretch: SpreadScale | null;
  /** What measured numbers alone say. */
  plain: Said | null;
}

/** Measures of a parameter on the test objects. */
function resultOf({ target, split: { train, test }, said, stretch, plain }: Measured): ParameterResult {
  const { name, unit, circular, values } = target;
  const known = withValue(target, test);
  const truth = known.map((i) => values[test[i]]);
  const learned = train.map((row) => values[row]).filter(Number.isFinite);
  if (known.length < 2 || learned.length < 4)
    throw new SkyloopError(
      "COLUMN_TOO_EMPTY",
      `column ${name} has ${learned.length} numbers to learn from and ${known.length} to be measured with once objects that cannot be measured are left out; label more`,
    );
  const average = learned.reduce((sum, value) => sum + value, 0) / learned.length;
  const rmse = (of: (i: number) => number) =>
    Math.sqrt(known.reduce((sum, i) => sum + residual(target, values[test[i]], of(i)) ** 2, 0) / known.length);
  const mean = known.map((i) => said.mean[i]);
  const residuals = known.map((i) => residual(target, values[test[i]], said.mean[i]));
  const mixtures = said.mixtures === null ? null : pickMixtures(said.mixtures, known);
  const scores = regressionScores({ truth, mean, spread: known.map((i) => said.spread[i]), residuals, mixtures });
  const reach = intervalReach(said);
  const ends = (i: number, level: number) =>
    stretch === null ? [Number.NaN, Number.NaN] : stretched(stretch, said.spread[i], level, reach(i, level));
  const coverage =
    stretch === null
      ? null
      : LEVELS.map((level, k) => {
          const own = known.map((i) => ends(i, k));
          return coverageOf(
            level,
            residuals,
            own.map(([below]) => below),
            own.map(([, above]) => above),
          );
        });
  const half = (i: number) => {
    const [below, above] = ends(i, 0);
    return (below + above) / 2;
  };
  const warnings = [
    ...(scores.r2 > LEAK_R2
      ? [
          `R2 above ${LEAK_R2}: something that was learned from holds the answer itself; look where the column comes from`,
        ]
      : []),
    ...(stretch === null
      ? [`${learned.length} labels to learn from: below ${FEW_LABELS} no interval is promised`]
      : []),
    ...(scores.rmse > 0.95 * rmse(() => average) && !circular ? ["hardly better than the mean of all objects"] : []),
  ];
  return {
    name,
    ...(unit === undefined ? {} : { unit }),
    circular,
    objects: { train: learned.length, test: known.length },
    scores,
    baselines: {
      constant: circular ? 90 / Math.sqrt(3) : rmse(() => average),
      measured: plain === null ? null : rmse((i) => plain.mean[i]),
    },
    coverage,
    warnings,
    test: known.map((i) => ({ row: test[i], truth: values[test[i]], mean: said.mean[i], half: half(i) })),
  };
}

/** A head on all inputs, or on those from `from` on, with what it says of the training and the test objects. */
function learn(
  inputs: ParameterInputs,
  targets: NumberTarget[],
  { train, test }: Split,
  options: EnsembleOptions,
  from = 0,
) {
  const folds = foldsOf(train.length, options);
  const own = targetMatrix(targets, train);
  const data = {
    inputs: pick(inputs, train, from),
    width: inputs.width - from,
    targets: own,
    outputs: own.length / train.length,
  };
  const head = trainEnsemble(data, folds, options);
  const of = (rows: number[]): HeadOutputs => ({
    values: head.say(pick(inputs, rows, from)),
    objects: rows.length,
    members: options.members,
    components: options.components ?? 1,
  });
  return { head, folds, onTrain: of(train), onTest: of(test) };
}

/** Standardised inputs of some training objects, and how far from them the others typically are. */
function referenceOf(head: ParameterHead, inputs: ParameterInputs, train: number[], seed: number) {
  const drawn = new Random(seed).fork("reference").sample(train.length, Math.min(train.length, MOST_REFERENCE));
  const reference = standardisedInputs(
    head,
    pick(
      inputs,
      Array.from(drawn, (i) => train[i]),
    ),
  );
  // One more neighbour: an object of the reference is its own nearest.
  const own = distanceTo(reference, reference, inputs.width, Math.min(drawn.length, REFERENCE_NEIGHBOUR + 1)).sort();
  return { reference, limit: own[Math.min(own.length - 1, Math.floor(FAR_QUANTILE * own.length))] };
}

/**
 * Trains, measures on the test share, writes `head.safetensors`, `metrics.json` and `report.html` into `out`, and keeps
 * the table of the whole survey. Throws what reading targets throws, RUN_EXISTS, BAD_OPTION, and what computing features
 * and measuring throw.
 */
export async function trainParameters(folder: string, options: TrainParametersOptions): Promise<ParametersResult> {
  const { out, name, columns, features, table } = options;
  if (existsSync(join(out, "head.safetensors")))
    throw new SkyloopError(
      "RUN_EXISTS",
      `${out} holds a trained head already; give another folder with --out, or delete it`,
    );
  if (features === null && table === null)
    throw new SkyloopError("BAD_OPTION", "nothing to learn from: leave out --no-features or --no-measured");
  const survey = await openSurvey(folder);
  try {
    const targets = columns.map((column) => readTarget(survey, column, options));
    const first = splitRows(survey, targets, null, options);
    const plan = await planInputs(survey, options, first.train);
    const inputs = await readInputs(survey, plan, options.progress);
    const split = splitRows(survey, targets, inputs, options);
    const settings = settingsFor(options, split.train.length);
    const { anglesDeg } = inputs;
    const found = targets.map((target) => anchorOf(target, anglesDeg, split.train));
    const turns = targets.map((target, k) => anchored(target, found[k], anglesDeg));
    const learned = learn(inputs, turns, split, settings);
    const plainFrom = plan.features !== null && plan.table !== null ? plan.features.dim : null;
    const plain = plainFrom === null ? null : learn(inputs, turns, split, settings, plainFrom);
    plain?.head.dispose();
    const places = outputPlaces(targets);
    const unseen = targets.map(({ circular }, k) => heldOutSays(learned.onTrain, places[k], circular, learned.folds));
    const anchors = found.map((anchor, k) => {
      const known = split.train.map((row) => turns[k].values[row]);
      return anchor === null ? null : withShare(anchor, known, unseen[k].mean);
    });
    const heldOut = unseen.map((said, k) => turnedBack(said, anchors[k], anglesDeg, split.train));
    const onTest = (outputs: HeadOutputs, k: number) =>
      turnedBack(ensembleSays(outputs, places[k], targets[k].circular), anchors[k], anglesDeg, split.test);
    const stretches = targets.map((target, k) => stretchOf(target, split.train, heldOut[k]));
    const results = targets.map((target, k) =>
      resultOf({
        target,
        split,
        said: onTest(learned.onTest, k),
        stretch: stretches[k],
        plain: plain === null ? null : onTest(plain.onTest, k),
      }),
    );
    const { reference, limit } = referenceOf(learned.head, inputs, split.train, settings.seed);
    const model: ParameterModel = {
      head: learned.head,
      details: {
        plan,
        members: settings.members,
        ...((settings.components ?? 1) === 1 ? {} : { components: settings.components }),
        parameters: targets.map((target, k) => cardOf(target, split.train, stretches[k], anchors[k])),
        reference: { limit },
      },
      reference,
      trainedOn: { dataHash: survey.header.dataHash },
      made: { skyloop: null, seed: settings.seed, steps: settings.steps },
    };
    const predicted = await predictParameters(model, survey, options.progress, (said, k) => {
      for (const [i, row] of split.train.entries()) replaceSaid(said, row, heldOut[k], i);
    });
    mkdirSync(out, { recursive: true });
    saveHead(join(out, "head.safetensors"), PARAMETERS, model);
    learned.head.dispose();
    const by = { task: PARAMETERS.name, model: features?.model ?? "", head: join(out, "head.safetensors") };
    savePredictions(folder, name, sourceOf(survey, by), predicted);
    const result: ParametersResult = {
      survey: survey.name,
      dataHash: survey.header.dataHash,
      command: options.command,
      model: features?.model ?? null,
      table,
      seed: settings.seed,
      kept: name,
      farObjects: farOf(predicted.values, predicted.columns.length, survey.count),
      count: survey.count,
      parameters: results,
    };
    writeFileAtomic(join(out, "metrics.json"), `${JSON.stringify(result, null, 1)}\n`);
    await writeParametersReport(join(out, "report.html"), survey, result);
    return result;
  } finally {
    survey.close();
  }
}

/** Objects that the first parameter's flag calls far. */
function farOf(values: Float32Array, columns: number, count: number): number {
  const FLAG_AT = 5;
  let far = 0;
  for (let row = 0; row < count; row++) if ((values[row * columns + FLAG_AT] & 1) !== 0) far++;
  return far;
}

/** Few objects are learned in fewer steps: about 25 passes, between bounds. */
function settingsFor({ ensemble }: TrainParametersOptions, count: number): EnsembleOptions {
  const settings = { ...DEFAULT_ENSEMBLE, ...ensemble };
  if (ensemble?.steps !== undefined) return settings;
  const passes = Math.ceil((25 * count) / settings.batchSize);
  return { ...settings, steps: Math.min(4 * settings.steps, Math.max(150, passes)) };
}
