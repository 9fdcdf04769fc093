/** Worker thread that measures ranges of a survey's stamps. */
import { parentPort, workerData } from "node:worker_threads";
import { rowOf } from "../../measure/morphology/columns.ts";
import { type Measured, measureStamp, nothingMeasured } from "../../measure/morphology/measure.ts";
import { openSharedSurvey, type SharedCatalogue, type Stamp, type Survey } from "../../survey/folder.ts";
import type { MeasurePlan } from "./plan.ts";

/** Rows `from` to before `to`. */
export interface MeasureAsk {
  from: number;
  to: number;
}
/** Their numbers, [to - from, columns], and the ids of stamps that could not be read. */
export interface MeasureAnswer {
  from: number;
  values: Float32Array<ArrayBuffer>;
}

/** What a thread measures with: a survey, its catalogue in shared memory, how, and how many numbers a row has. */
export interface MeasureStart {
  folder: string;
  plan: MeasurePlan;
  columns: number;
  shared: SharedCatalogue;
}

const { folder, plan, columns, shared } = workerData as MeasureStart;
const opened = openSharedSurvey(folder, shared);

/** A picture as one plane with row 0 at the bottom: the mean of its colours. */
function greyOf({ data, widthPx: W, heightPx: H }: Stamp): Float32Array {
  const N = W * H;
  const grey = new Float32Array(N);
  for (let y = 0; y < H; y++)
    for (let x = 0, from = (H - 1 - y) * W, to = y * W; x < W; x++, from++, to++)
      grey[to] = (data[from] + data[N + from] + data[2 * N + from]) / 3;
  return grey;
}

async function measured(survey: Survey, index: number): Promise<Measured> {
  const { bands, pixelScaleArcsec, psfColumn } = plan;
  let stamp: Stamp;
  try {
    stamp = await survey.readStamp(index);
  } catch {
    return nothingMeasured(bands.length, "UNREADABLE");
  }
  const { widthPx, heightPx } = stamp;
  const psf = psfColumn === null ? null : survey.column(psfColumn)?.at(index);
  const psfFwhmPx = typeof psf === "number" && psf > 0 ? psf / (pixelScaleArcsec ?? 1) : plan.options.psfFwhmPx;
  const data = stamp.kind === "colour" ? greyOf(stamp) : stamp.data;
  return measureStamp(data, bands.length, widthPx, heightPx, { ...plan.options, psfFwhmPx });
}

parentPort?.on("message", async ({ from, to }: MeasureAsk) => {
  const survey = await opened;
  const values = new Float32Array((to - from) * columns);
  for (let index = from; index < to; index++)
    values.set(rowOf(await measured(survey, index), plan.pixelScaleArcsec), (index - from) * columns);
  parentPort?.postMessage({ from, values } satisfies MeasureAnswer, [values.buffer]);
});
