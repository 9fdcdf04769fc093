/** The encoder fine-tuned on the numbers themselves, beside the heads on a frozen one, on the same test objects. */
import { SILENT } from "../../src/base/progress.ts";
import { Random } from "../../src/base/random.ts";
import { loadInputs } from "../../src/batches/inputs.ts";
import { type FineTuned, type FineTuneOptions, fineTuneParameters } from "../../src/evaluate/fine-tune-parameters.ts";
import { type Coverage, coverageOf } from "../../src/measure/regression.ts";
import { loadBackbone } from "../../src/models/index.ts";
import { listPredictions, readPredictions } from "../../src/store/predictions.ts";
import type { Survey } from "../../src/survey/folder.ts";
import { planInputs, readInputs } from "../../src/tasks/parameters/inputs.ts";
import { fitStretch, LEVELS, stretched } from "../../src/tasks/parameters/intervals.ts";
import { readTarget } from "../../src/tasks/parameters/targets.ts";

/** Of the objects that are not test objects: those that choose when to stop, and that intervals are calibrated on. */
const VALIDATION_SHARE = 0.15;
/** The level of the intervals that are reported. */
const SHOWN = LEVELS.indexOf(0.9);

/** Root mean square error and coverage of 90 % of one way to say a number. */
interface Judged {
  rmse: number;
  coverage: Coverage | null;
  said: { row: number; mean: number }[];
}

/** What came out for one number. */
export interface TunedColumn {
  name: string;
  /** Of heads on the frozen encoder, of the fine-tuned network, and of the mean of both. */
  frozen: Judged;
  tuned: Judged;
  both: Judged;
  /** Weight of the fine-tuned network in that mean. */
  share: number;
}

/** Numbers of a column's truth, of what frozen heads say of every object, and of the fine-tuned network, by place. */
interface Column {
  name: string;
  truth: ArrayLike<number>;
  frozen(row: number): number;
  tuned(place: number): { mean: number; spread: number };
}

/** The weight of `b` in a mean with `a` that leaves least squared error; between 0 and 1. */
export function shareOf(truth: readonly number[], a: readonly number[], b: readonly number[]): number {
  const product = truth.reduce((sum, value, i) => sum + (value - a[i]) * (b[i] - a[i]), 0);
  const square = a.reduce((sum, value, i) => sum + (b[i] - value) ** 2, 0);
  return square > 0 ? Math.min(1, Math.max(0, product / square)) : 0;
}

function judge(column: Column, validation: number[], test: number[]): TunedColumn {
  const { truth, frozen, tuned } = column;
  const rows = [...validation, ...test];
  const known = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => from + i).filter((place) => Number.isFinite(truth[rows[place]]));
  const [own, other] = [known(0, validation.length), known(validation.length, rows.length)];
  const share = shareOf(
    own.map((place) => truth[rows[place]]),
    own.map((place) => frozen(rows[place])),
    own.map((place) => tuned(place).mean),
  );
  const judged = (mean: (place: number) => number, withIntervals: boolean): Judged => {
    const residual = (place: number) => truth[rows[place]] - mean(place);
    const spread = (place: number) => tuned(place).spread;
    const stretch = withIntervals ? fitStretch(own.map(residual), own.map(spread)) : null;
    return {
      rmse: Math.sqrt(other.reduce((sum, place) => sum + residual(place) ** 2, 0) / other.length),
      coverage:
        stretch === null
          ? null
          : coverageOf(
              LEVELS[SHOWN],
              other.map(residual),
              other.map((place) => stretched(stretch, spread(place), SHOWN)[0]),
            ),
      said: other.map((place) => ({ row: rows[place], mean: mean(place) })),
    };
  };
  return {
    name: column.name,
    share,
    frozen: judged((place) => frozen(rows[place]), false),
    tuned: judged((place) => tuned(place).mean, true),
    both: judged((place) => (1 - share) * frozen(rows[place]) + share * tuned(place).mean, true),
  };
}

/** What the table `name` of predictions says of each object: every head's word of objects that it has not seen. */
function predicted(survey: Survey, name: string) {
  const set = listPredictions(survey.folder, survey.header.dataHash).find((one) => one.name === name);
  if (set === undefined) throw new Error(`no predictions called ${name} were kept`);
  const { values } = readPredictions(survey.folder, set);
  const names = set.columns.map((column) => column.name);
  return (row: number, column: string) => values[row * names.length + names.indexOf(column)];
}

/**
 * Fine-tunes on the objects that the heads of the table `table` have learned from, but for those that decide when to
 * stop, and judges on `test`, the test objects of those heads. Columns are those of the table.
 */
export async function fineTuned(
  survey: Survey,
  columns: Record<string, { missing: number[] }>,
  { table, test, options }: { table: string; test: number[]; options: FineTuneOptions },
): Promise<{ columns: TunedColumn[]; history: FineTuned["history"]; step: number }> {
  const targets = Object.entries(columns).map(([name, { missing }]) =>
    readTarget(survey, name, { missing, circular: [] }),
  );
  const said = predicted(survey, table);
  const LACKING = 8;
  const first = targets[0].name;
  const tested = new Set(test);
  const learned = Array.from({ length: survey.count }, (_, row) => row).filter(
    (row) =>
      !tested.has(row) &&
      (said(row, `${first}_flag`) & LACKING) === 0 &&
      targets.some(({ values }) => Number.isFinite(values[row])),
  );
  const order = new Random(options.seed).fork("validation").shuffle([...learned]);
  const validation = order.slice(0, Math.round(VALIDATION_SHARE * order.length));
  const train = order.slice(validation.length);
  const plan = await planInputs(survey, { features: null, table: "measured", progress: SILENT }, train);
  // Views are turned: a measured direction says nothing of them.
  const { values: numbers, width } = await readInputs(survey, { ...plan, angles: [], turns: [] }, SILENT);
  const { inputPx } = await loadBackbone(options.model, options.weights);
  const all = Array.from({ length: survey.count }, (_, row) => row);
  const images = await loadInputs(survey.folder, inputPx, all, SILENT);
  const outputs = targets.length;
  const matrix = new Float32Array(survey.count * outputs);
  for (const [k, { values }] of targets.entries()) for (const row of all) matrix[row * outputs + k] = values[row];
  const measured = [...validation, ...test];
  const { mean, spread, history, step } = await fineTuneParameters(
    { images, numbers, width, targets: matrix, outputs },
    { train, validation, measured },
    options,
  );
  images.dispose();
  return {
    history,
    step,
    columns: targets.map(({ name, values }, k) =>
      judge(
        {
          name,
          truth: values,
          frozen: (row) => said(row, name),
          tuned: (place) => ({ mean: mean[place * outputs + k], spread: spread[place * outputs + k] }),
        },
        validation,
        test,
      ),
    ),
  };
}
