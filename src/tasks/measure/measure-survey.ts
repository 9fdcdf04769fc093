/** Classical measurements of every stamp of a survey, kept with it as a table of numbers. */
import { availableParallelism } from "node:os";
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { endWorkers, startWorker } from "../../base/workers.ts";
import { columnsOf } from "../../measure/morphology/columns.ts";
import { FLAGS, type FlagName } from "../../measure/morphology/flags.ts";
import { type Predicted, type PredictedColumn, savePredictions, sourceOf } from "../../store/predictions.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";
import { type MeasurePlan, type MeasureRequest, measurePlan } from "./plan.ts";
import type { MeasureAnswer, MeasureAsk, MeasureStart } from "./worker.ts";

/** Name of the table of measurements unless another is asked for. */
const MEASURED = "measured";
const BLOCK_ROWS = 64;

/** What is measured, how it is watched, and under which name it is kept. */
export interface MeasureSurveyOptions extends MeasureRequest {
  name?: string;
  workers?: number;
  progress: Progress;
}

/** What was measured: columns, objects, and how many have each flag. */
export interface MeasureSummary {
  name: string;
  columns: PredictedColumn[];
  count: number;
  flags: Record<FlagName, number>;
  /** Objects without any flag. */
  clean: number;
}

/**
 * Measures every stamp and keeps the numbers with the survey under `name`. Throws BAD_OPTION, COLUMN_MISSING,
 * SURVEY_MISSING, SURVEY_BROKEN, DISK_FULL.
 */
export async function measureSurvey(folder: string, options: MeasureSurveyOptions): Promise<MeasureSummary> {
  const survey = await openSurvey(folder);
  try {
    const found = await measuredTable(survey, options);
    const name = options.name ?? MEASURED;
    savePredictions(folder, name, sourceOf(survey, { task: "measure", model: "", head: "" }), found);
    return { name, ...summarise(found) };
  } finally {
    survey.close();
  }
}

/** The measurements of a survey, one row an object. Throws as `measureSurvey`. */
async function measuredTable(
  survey: Survey,
  { workers, progress, ...request }: MeasureSurveyOptions,
): Promise<Predicted> {
  const plan = measurePlan(survey, request);
  const columns = columnsOf({ ...plan, aperturePx: plan.options.aperturePx });
  const threads = workers ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1)
    throw new SkyloopError("BAD_OPTION", `--workers is a whole number of threads, not ${workers}`);
  const values = await inThreads(survey, plan, columns.length, threads, progress);
  return { columns, values, offsets: null };
}

async function inThreads(
  { folder, count, shared }: Pick<Survey, "folder" | "count" | "shared">,
  plan: MeasurePlan,
  columns: number,
  threads: number,
  progress: Progress,
): Promise<Float32Array> {
  const values = new Float32Array(count * columns);
  const blocks = Math.ceil(count / BLOCK_ROWS);
  let [asked, done] = [0, 0];
  const next = (): MeasureAsk => {
    const from = asked++ * BLOCK_ROWS;
    return { from, to: Math.min(count, from + BLOCK_ROWS) };
  };
  const workers = Array.from({ length: Math.min(threads, blocks) }, () =>
    startWorker(new URL("./worker.ts", import.meta.url), {
      workerData: { folder, plan, columns, shared } satisfies MeasureStart,
    }),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      if (blocks === 0) resolve();
      for (const worker of workers) {
        worker.on("error", reject);
        worker.on("message", ({ from, values: rows }: MeasureAnswer) => {
          values.set(rows, from * columns);
          done += rows.length / columns;
          progress.update(done, count);
          if (asked < blocks) worker.postMessage(next());
          if (done === count) resolve();
        });
        // One in hand and one to go on with.
        for (let ahead = 0; ahead < 2 && asked < blocks; ahead++) worker.postMessage(next());
      }
    });
    return values;
  } finally {
    progress.end();
    await endWorkers(workers);
  }
}

function summarise({ columns, values }: Predicted): Omit<MeasureSummary, "name"> {
  const K = columns.length;
  const count = values.length / K;
  const flags = Object.fromEntries(Object.keys(FLAGS).map((name) => [name, 0])) as Record<FlagName, number>;
  let clean = 0;
  for (let row = 0; row < count; row++) {
    const own = values[row * K + K - 1];
    if (own === 0) clean++;
    for (const name of Object.keys(FLAGS) as FlagName[]) if ((own & FLAGS[name][0]) !== 0) flags[name]++;
  }
  return { columns, count, flags, clean };
}
