/** Worker thread that simulates fields. */
import { parentPort, workerData } from "node:worker_threads";
import { Random } from "../../base/random.ts";
import { renderScene } from "./scene.ts";

const { seed, sizePx } = workerData as { seed: number; sizePx: number };

parentPort?.on("message", (index: number) => {
  // One stream a field: who simulates it does not matter.
  const made = renderScene(new Random(seed).fork(`scene ${index}`), sizePx);
  parentPort?.postMessage({ index, made }, [made.planes.buffer as ArrayBuffer]);
});
