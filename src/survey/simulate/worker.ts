/** Worker thread that draws galaxies by their numbers. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../base/errors.ts";
import type { Simulation } from "../../contract/survey.ts";
import { stampOf } from "./simulation.ts";

/** The stamp [3, size, size] of galaxy `index` in nanomaggies, or why there is none. */
export type DrawnStamp =
  | { index: number; stamp: Float32Array<ArrayBuffer> }
  | { index: number; code: string | null; message: string };

const simulation = workerData as Simulation;

parentPort?.on("message", (index: number) => {
  try {
    const stamp = stampOf(simulation, index);
    parentPort?.postMessage({ index, stamp } satisfies DrawnStamp, [stamp.buffer]);
  } catch (error) {
    const code = (error as { code?: string }).code ?? null;
    parentPort?.postMessage({ index, code, message: messageOf(error) } satisfies DrawnStamp);
  }
});
