/** Worker thread that simulates a range of objects. */
import { parentPort, workerData } from "node:worker_threads";
import { Random } from "../../base/random.ts";
import { PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { drawGalaxy, type Galaxy } from "./population.ts";
import { renderGalaxy } from "./render.ts";

/** A simulated galaxy: its truth and its stamp [3, size, size] in nanomaggies. */
export interface SimulatedGalaxy {
  index: number;
  galaxy: Galaxy;
  stamp: Float32Array<ArrayBuffer>;
}

const { seed, sizePx } = workerData as { seed: number; sizePx: number };

parentPort?.on("message", (index: number) => {
  // One stream an object: who simulates it does not matter.
  const galaxy = drawGalaxy(new Random(seed).fork(`galaxy ${index}`), sizePx * PIXEL_SCALE_ARCSEC);
  const stamp = renderGalaxy(galaxy, sizePx) as Float32Array<ArrayBuffer>;
  parentPort?.postMessage({ index, galaxy, stamp } satisfies SimulatedGalaxy, [stamp.buffer]);
});
