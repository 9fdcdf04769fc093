/**
 * Worker thread that makes the views of coming passes into shared memory while the model learns from the present ones.
 */
import { workerData } from "node:worker_threads";
import { messageOf } from "../../base/errors.ts";
import { takeFrom } from "../../batches/stamp-store.ts";
import { scope, setThreads } from "../../torch/index.ts";
import { Sampler } from "./sampler.ts";
import { EMPTY, FAILED, type Order, passRandom, READY, STOPPED } from "./view-source.ts";
import { paintedOf, pick, viewsOf } from "./views.ts";

const { place, simulated, sampling, settings, part, from, table, slots, state, message } = workerData as Order;

function run(): void {
  setThreads(1);
  const take = takeFrom(place);
  const sampler = new Sampler(sampling);
  for (let pass = from; ; pass++) {
    const slot = pass % slots.length;
    for (let now = Atomics.load(state, slot); now !== EMPTY; now = Atomics.load(state, slot)) {
      if (now === STOPPED) return;
      Atomics.wait(state, slot, now);
    }
    const picked = pick(sampler.rows(pass), (row) => simulated[row] === 1, part, sampling.shards !== undefined);
    scope(() => {
      const random = passRandom(sampling.seed, pass);
      const { images, painted } = paintedOf(take(picked.rows), picked, random, settings);
      const views = viewsOf(images, picked, random, settings, table);
      const numbers = views.shape.reduce((product, side) => product * side, 1);
      views.copyTo(new Float32Array(slots[slot], 0, numbers));
      new Float32Array(slots[slot], 4 * numbers).set(painted);
    });
    if (Atomics.compareExchange(state, slot, EMPTY, READY) === STOPPED) return;
    Atomics.notify(state, slot);
  }
}

try {
  run();
} catch (error) {
  const text = new TextEncoder().encode(messageOf(error)).subarray(0, message.length);
  message.set(text);
  for (let slot = 0; slot < slots.length; slot++) {
    Atomics.store(state, slot, FAILED);
    Atomics.notify(state, slot);
  }
}
