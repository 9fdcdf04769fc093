import { expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { keep, liveTensors, tensor } from "../torch/index.ts";
import { fineTuneParameters } from "./fine-tune-parameters.ts";

const [COUNT, SIDE] = [36, 64];

/** Round spots: the first number is their size, the second is known of every other one. */
function spots() {
  const random = new Random(4);
  const images = new Float32Array(COUNT * 3 * SIDE * SIDE);
  const targets = new Float32Array(COUNT * 2);
  for (let i = 0; i < COUNT; i++) {
    const size = random.uniform(3, 16);
    for (let at = 0; at < 3 * SIDE * SIDE; at++) {
      const [x, y] = [(at % SIDE) - 32, (Math.floor(at / SIDE) % SIDE) - 32];
      images[i * 3 * SIDE * SIDE + at] = 0.8 * Math.exp(-(x * x + y * y) / (2 * size * size));
    }
    targets.set([size, i % 2 === 0 ? 100 - size : Number.NaN], 2 * i);
  }
  return { images, targets };
}

it("an encoder learns numbers of which some are missing; the state that did best on other objects is kept", async () => {
  const { images, targets } = spots();
  const numbers = Float32Array.from({ length: COUNT }, (_, i) => i % 3);
  const before = liveTensors();
  const all = keep(tensor(images, [COUNT, 3, SIDE, SIDE]));
  const rows = Array.from({ length: COUNT }, (_, row) => row);
  const split = { train: rows.slice(0, 22), validation: rows.slice(22, 32), measured: rows.slice(32) };
  const options = { model: "lvm-nano", steps: 12, batchSize: 8, validateEvery: 4, patience: 5, seed: 2 };
  const found = await fineTuneParameters({ images: all, numbers, width: 1, targets, outputs: 2 }, split, options);
  all.dispose();
  expect(liveTensors()).toBe(before);
  expect(found.history.map(({ step }) => step)).toEqual([4, 8, 12]);
  const best = found.history.reduce((a, b) => (b.unexplained < a.unexplained ? b : a));
  expect(found.step).toBe(best.step);
  // In units of the variance: 1 is what the mean of all would leave.
  expect(best.unexplained).toBeLessThan(1);
  expect([found.mean.length, found.spread.length]).toEqual([8, 8]);
  for (const [i, mean] of found.mean.entries()) {
    expect(mean).toBeGreaterThan(i % 2 === 0 ? -10 : 70);
    expect(mean).toBeLessThan(i % 2 === 0 ? 30 : 110);
    expect(found.spread[i]).toBeGreaterThan(0);
  }
}, 60_000);
