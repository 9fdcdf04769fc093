/** The simulated survey: galaxies with known parameters, as the Legacy Surveys would see them. */
import { availableParallelism } from "node:os";
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { startWorker } from "../../base/workers.ts";
import type { SurveyHeader } from "../../contract/survey.ts";
import { SurveyWriter } from "../folder.ts";
import { BANDS, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import type { SimulatedGalaxy } from "./worker.ts";

export { CLASS_SHARES, drawGalaxy, type Galaxy, type GalaxyClass } from "./population.ts";
export { renderGalaxy, renderIdeal } from "./render.ts";

/** How many galaxies to simulate, from which seed, with how many worker threads. */
export interface SimulateOptions {
  count: number;
  seed: number;
  /** Side of the stamps; 128 unless given. */
  sizePx?: number;
  workers?: number;
  progress: Progress;
  command: string;
}

/**
 * Writes a survey of `count` simulated galaxies, the same for the same seed whatever the number of workers. Throws
 * BAD_OPTION, SURVEY_EXISTS, DISK_FULL.
 */
export async function simulateSurvey(
  out: string,
  { count, seed, sizePx = 128, workers = availableParallelism(), progress, command }: SimulateOptions,
): Promise<SurveyHeader> {
  if (!Number.isInteger(count) || count < 1)
    throw new SkyloopError("BAD_OPTION", `--count is a whole number of galaxies, not ${count}`);
  if (!Number.isInteger(sizePx) || sizePx < 32 || sizePx > 1024)
    throw new SkyloopError("BAD_OPTION", `--size is from 32 to 1024 px, not ${sizePx}`);
  const writer = new SurveyWriter(out, {
    title: "Simulated galaxies",
    kind: "flux",
    bands: [...BANDS],
    unit: "nanomaggy",
    pixelScaleArcsec: PIXEL_SCALE_ARCSEC,
    adaptiveCrop: true,
    seed,
    command,
  });
  const threads = Array.from({ length: Math.min(workers, count) }, () =>
    startWorker(new URL("./worker.ts", import.meta.url), { workerData: { seed, sizePx } }),
  );
  try {
    const arrived = new Map<number, SimulatedGalaxy>();
    let [asked, written] = [0, 0];
    const failures: unknown[] = [];
    // Rung by whatever a thread says.
    let ring = () => {};
    for (const thread of threads) {
      thread.on("error", (error) => {
        failures.push(error);
        ring();
      });
      thread.on("message", (made: SimulatedGalaxy) => {
        arrived.set(made.index, made);
        if (asked < count) thread.postMessage(asked++);
        ring();
      });
      thread.postMessage(asked++);
    }
    while (written < count) {
      if (failures.length > 0) throw failures[0];
      const next = arrived.get(written);
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          ring = resolve;
        });
        continue;
      }
      arrived.delete(written);
      const { label, raDeg, decDeg, ...parameters } = next.galaxy;
      const faceOnSpiral = (label === "spiral" || label === "barred_spiral") && parameters.inclinationDeg < 60;
      writer.add({
        id: `sim-${String(written + 1).padStart(6, "0")}`,
        raDeg,
        decDeg,
        source: `simulated, seed ${seed}, galaxy ${written}`,
        columns: { label, faceOnSpiral, ...parameters },
        widthPx: sizePx,
        heightPx: sizePx,
        codec: "f32",
        data: next.stamp,
      });
      written++;
      progress.update(written, count);
    }
    return await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    progress.end();
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}
