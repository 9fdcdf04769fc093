/** The thread of `watchProcess`. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import type { Watched } from "./watch.ts";

const { beat, parent, everyMs, deafMs } = workerData as Watched;
let [last, still] = [0, 0];

setInterval(() => {
  const now = Atomics.load(beat, 0);
  // Rounds are counted, not time: a machine that slept is not deaf.
  still = now === last ? still + 1 : 0;
  last = now;
  const orphan = process.ppid !== parent;
  if (!orphan && still * everyMs < deafMs) return;
  if (!orphan) writeSync(2, `skyloop: nothing but one step for ${deafMs / 1000} s; process ${process.pid} is ended\n`);
  process.kill(process.pid, "SIGKILL");
}, everyMs);
