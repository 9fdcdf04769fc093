/** Worker thread that simulates fields. */
import { parentPort, workerData } from "node:worker_threads";
import { Random } from "../../base/random.ts";
import { renderLens, renderLenses, renderScene } from "./scene.ts";

/** What is made: a field, the lenses of a field, or with no side one lens alone. */
const { seed, sizePx, clearPx } = workerData as { seed: number; sizePx: number | null; clearPx: number | null };

parentPort?.on("message", (index: number) => {
  // One stream a field: who simulates it does not matter.
  const random = new Random(seed).fork(`${sizePx === null ? "lens" : "scene"} ${index}`);
  const made =
    sizePx === null
      ? renderLens(random)
      : clearPx === null
        ? renderScene(random, sizePx)
        : renderLenses(random, sizePx, clearPx);
  parentPort?.postMessage({ index, made }, [made.planes.buffer as ArrayBuffer]);
});
