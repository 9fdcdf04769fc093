/** Worker thread that simulates fields. */
import { parentPort, workerData } from "node:worker_threads";
import { Random } from "../../base/random.ts";
import { renderLenses, renderScene } from "./scene.ts";

const { seed, sizePx, clearPx } = workerData as { seed: number; sizePx: number; clearPx: number | null };

parentPort?.on("message", (index: number) => {
  // One stream a field: who simulates it does not matter.
  const random = new Random(seed).fork(`scene ${index}`);
  const made = clearPx === null ? renderScene(random, sizePx) : renderLenses(random, sizePx, clearPx);
  parentPort?.postMessage({ index, made }, [made.planes.buffer as ArrayBuffer]);
});
