/**
 * The loop with a simulated person: how good is the ranking after so many examples and rounds, and what would the same
 * number of labels at random have given? With a test survey everything is measured there; else on a half of the
 * labelled objects that is held out by each seed.
 */

import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { floatRows } from "../base/row-matrix.ts";
import type { Unlabelled } from "../contract/api.ts";
import { drawBackground } from "../loop/background.ts";
import { choose, ruleMode } from "../loop/choose.ts";
import { type Example, type FeatureSpace, featureSpace, learn } from "../loop/learn.ts";
import { auroc, averagePrecision, meanAndSd } from "../measure/ranking.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { answers, type LabelQuestion } from "./person.ts";
import { loadFeatures } from "./spaces.ts";

/** A search that a simulated person does: question, features, start, rounds, seeds. */
export interface SimulatedSearchOptions extends LabelQuestion {
  survey: string;
  model: string;
  /** Survey to measure on, and its column where it has another name. */
  test?: string;
  testColumn?: string;
  /** Examples the person starts with: positives, negatives (of which there may be none, as in a session). */
  start: [number, number];
  show: number;
  rounds: number;
  alpha: number;
  seeds: number;
  /** How long unlabelled objects stand for negatives, as in a session. Default: fading. */
  unlabelled?: Unlabelled;
  progress: Progress;
}

interface Spread {
  mean: number;
  sd: number;
}

/**
 * After `round` rounds: ranking quality on the evaluated objects, and the share of positives among what the round
 * showed.
 */
export interface RoundResult {
  round: number;
  labels: number;
  aupr: Spread;
  auroc: Spread;
  shownPrecision: Spread | null;
  /** The same number of labels, drawn at random beyond the start. */
  random: { aupr: Spread; auroc: Spread; shownPrecision: Spread | null };
}

/** The ranking after each round, mean and standard deviation over the seeds. */
export interface SimulatedSearch {
  survey: string;
  test: string;
  model: string;
  dim: number;
  column: string;
  positive: string[];
  alpha: number;
  unlabelled: Unlabelled;
  start: [number, number];
  show: number;
  seeds: number;
  pool: { objects: number; positives: number };
  evaluated: { objects: number; positives: number };
  rounds: RoundResult[];
}

interface Arm {
  space: FeatureSpace;
  pool: { row: number; positive: boolean }[];
  evaluate(learner: ReturnType<typeof learn>): { aupr: number; auroc: number };
}

interface Measured {
  labels: number;
  aupr: number;
  auroc: number;
  shownPrecision: number | null;
}

/** Runs the experiment with seeds 1, 2, …. Throws BAD_OPTION without a positive to start from, COLUMN_MISSING, ONE_CLASS, TOO_FEW_LABELS, FEATURES_MISSING. */
export async function simulate(options: SimulatedSearchOptions): Promise<SimulatedSearch> {
  if (options.start[0] === 0)
    throw new SkyloopError(
      "BAD_OPTION",
      `--start needs at least one positive, such as 5+0, not ${options.start.join("+")}`,
    );
  const pool = await openSurvey(options.survey);
  const test = options.test === undefined ? null : await openSurvey(options.test);
  const labelled = answers(pool, options);
  const positives = labelled.filter(({ positive }) => positive).length;
  if (positives < options.start[0] || labelled.length - positives < options.start[1])
    throw new SkyloopError(
      "TOO_FEW_LABELS",
      `--start ${options.start.join("+")} needs so many positives and negatives; ${pool.folder} has ${positives} and ${labelled.length - positives}`,
    );
  const [matrix, testMatrix] = await loadFeatures(pool, test, options.model);
  const space = featureSpace(matrix.data, matrix.dim);

  const testAnswers =
    test === null
      ? null
      : withoutShared(answers(test, { ...options, column: options.testColumn ?? options.column }), test, pool);
  const runs: {
    loop: Measured[];
    random: Measured[];
    evaluated: { objects: number; positives: number };
    pool: number;
  }[] = [];
  for (let seed = 1; seed <= options.seeds; seed++) {
    const arm =
      testAnswers === null || testMatrix === null
        ? splitArm(space, labelled, seed)
        : {
            space,
            pool: labelled,
            evaluate: evaluator(
              { ...space, matrix: floatRows(testMatrix.data, matrix.dim), count: testMatrix.data.length / matrix.dim },
              testAnswers,
            ),
          };
    const evaluated = testAnswers ?? labelled.filter((answer) => !arm.pool.includes(answer));
    runs.push({
      loop: play(arm, options, seed, false),
      random: play(arm, options, seed, true),
      evaluated: { objects: evaluated.length, positives: evaluated.filter(({ positive }) => positive).length },
      pool: arm.pool.length,
    });
    options.progress.update(seed, options.seeds);
  }
  options.progress.end();
  pool.close();
  test?.close();
  const spread = (arm: "loop" | "random", round: number, key: "aupr" | "auroc" | "shownPrecision") =>
    meanAndSd(runs.map((run) => run[arm][round][key] ?? Number.NaN));
  const shown = (arm: "loop" | "random", round: number) => (round === 0 ? null : spread(arm, round, "shownPrecision"));
  return {
    survey: pool.folder,
    test: test?.folder ?? "half of the labelled objects, held out by each seed",
    model: options.model,
    dim: matrix.dim,
    column: options.column,
    positive: options.positive,
    alpha: options.alpha,
    unlabelled: options.unlabelled ?? "fading",
    start: options.start,
    show: options.show,
    seeds: options.seeds,
    pool: { objects: runs[0].pool, positives: test === null ? Math.round(positives / 2) : positives },
    evaluated: runs[0].evaluated,
    rounds: runs[0].loop.map(({ labels }, round) => ({
      round,
      labels,
      aupr: spread("loop", round, "aupr"),
      auroc: spread("loop", round, "auroc"),
      shownPrecision: shown("loop", round),
      random: {
        aupr: spread("random", round, "aupr"),
        auroc: spread("random", round, "auroc"),
        shownPrecision: shown("random", round),
      },
    })),
  };
}

/**
 * Objects of the test survey whose id does not stand in the pool: the same galaxy must not be learned from and
 * measured.
 */
function withoutShared(found: { row: number; positive: boolean }[], test: Survey, pool: Survey) {
  return found.filter(({ row }) => pool.indexOf(test.rows[row].id) === undefined);
}

function splitArm(space: FeatureSpace, labelled: { row: number; positive: boolean }[], seed: number): Arm {
  const order = new Random(seed).fork("split").shuffle(labelled.slice());
  // Both halves have the same share of positives.
  const [positive, negative] = [order.filter((answer) => answer.positive), order.filter((answer) => !answer.positive)];
  const half = (list: typeof order) => list.slice(0, Math.ceil(list.length / 2));
  const inPool = [...half(positive), ...half(negative)];
  const members = new Set(inPool);
  return {
    space,
    pool: inPool,
    evaluate: evaluator(
      space,
      labelled.filter((answer) => !members.has(answer)),
    ),
  };
}

function evaluator(space: FeatureSpace, found: { row: number; positive: boolean }[]): Arm["evaluate"] {
  const labels = found.map(({ positive }) => (positive ? 1 : 0));
  return (learner) => {
    const scores = learner.scoreRows(
      found.map(({ row }) => row),
      space.matrix,
    );
    return { aupr: averagePrecision(scores, labels), auroc: auroc(scores, labels) };
  };
}

function play(arm: Arm, options: SimulatedSearchOptions, seed: number, atRandom: boolean): Measured[] {
  const random = new Random(seed).fork("start");
  const truth = new Map(arm.pool.map(({ row, positive }) => [row, positive]));
  const draw = (positive: boolean, count: number) => {
    const rows = arm.pool.filter((answer) => answer.positive === positive).map(({ row }) => row);
    return random.sample(rows.length, Math.min(count, rows.length)).map((i) => ({ row: rows[i], positive }));
  };
  const examples: Example[] = [...draw(true, options.start[0]), ...draw(false, options.start[1])];
  let last = { positives: options.start[0], negatives: options.start[1] };
  const measured: Measured[] = [];
  let shownPrecision: number | null = null;
  for (let round = 0; round <= options.rounds; round++) {
    const known = new Set(examples.map(({ row }) => row));
    const candidates = arm.pool.map(({ row }) => row).filter((row) => !known.has(row));
    // As in a session: unlabelled objects stand for what is not looked for.
    const draw = { search: seed, round: seed * 1000 + round, unlabelled: options.unlabelled };
    const background = drawBackground(draw, candidates, examples);
    const learner = learn(arm.space, [...examples, ...background], seed);
    measured.push({ labels: examples.length, ...arm.evaluate(learner), shownPrecision });
    if (round < options.rounds) {
      const scores = new Float32Array(arm.space.count);
      const values = learner.scoreRows(candidates);
      for (const [i, row] of candidates.entries()) scores[row] = values[i];
      const alone = round === 0 && options.start[1] === 0;
      const mode = alone ? "mixed" : ruleMode(last.positives, last.negatives, options.alpha);
      const { page } = choose({
        scores,
        candidates,
        mode,
        examples,
        pageSize: options.show,
        randomPicks: atRandom ? options.show : 0,
        seed: seed * 1000 + round,
        space: arm.space,
      });
      const labelled = page.map(({ row }) => ({ row, positive: truth.get(row) === true }));
      examples.push(...labelled);
      const positives = labelled.filter(({ positive }) => positive).length;
      last = { positives, negatives: labelled.length - positives };
      shownPrecision = labelled.length === 0 ? null : positives / labelled.length;
    }
    learner.dispose();
  }
  return measured;
}
