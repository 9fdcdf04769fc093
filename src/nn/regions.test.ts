import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import { getThreads, liveTensors, noGrad, op, scope, setThreads, type Tensor, tensor } from "../torch/index.ts";
import { composedRoiAlign, nms, roiAlign } from "./regions.ts";

interface Digest {
  first: number[];
  sums: number[];
}
interface RoiCase {
  bins: [number, number];
  samples: number;
  kind: string;
  images: number;
  channels: number;
  side: number;
  scale: number;
  aligned: boolean;
  seed: number;
  boxes: number[][];
  out: Digest;
  grad: Digest;
}
const golden: {
  roi: RoiCase[];
  nms: { count: number; seed: number; ties: boolean; threshold: number; kept: number[] }[];
} = JSON.parse(readFileSync(new URL("../../test/golden/regions.json", import.meta.url), "utf8"));

/** The generator's formula (test/golden/gen/regions.py). */
const numbers = (count: number, seed: number) =>
  Float64Array.from(
    { length: count },
    (_, i) => (((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1) * 2 - 1,
  );

/** The largest difference from what torchvision gave, over 1 + the largest expected number. */
function differenceFrom(found: Float32Array, { first, sums }: Digest): number {
  const largest = 1 + Math.max(...first.map(Math.abs), 0);
  const differences = first.map((value, i) => Math.abs(found[i] - value) / largest);
  for (const [n, seed] of [11, 12, 13].entries()) {
    const weights = numbers(found.length, seed);
    const sum = found.reduce((total, value, i) => total + value * weights[i], 0);
    // Rounding of so many numbers adds up like a random walk.
    differences.push(Math.abs(sum - sums[n]) / (largest * Math.sqrt(found.length + 1)));
  }
  return Math.max(...differences);
}

const boxesOf = (boxes: number[][]) => tensor(Float32Array.from(boxes.flat()), [boxes.length, 5]);

describe("RoIAlign", () => {
  it("gives torchvision's values and gradients", () => {
    let [worst, worstGrad] = [0, 0];
    for (const of of golden.roi)
      scope(() => {
        const { images, channels, side, seed } = of;
        const shape = [images, channels, side, side];
        const features = tensor(Float32Array.from(numbers(images * channels * side * side, seed)), shape);
        features.setRequiresGrad(true);
        const out = roiAlign(features, boxesOf(of.boxes), of);
        worst = Math.max(worst, differenceFrom(out.toFloat32Array(), of.out));
        out.backward(tensor(Float32Array.from(numbers(out.size, seed + 200)), out.shape));
        worstGrad = Math.max(worstGrad, differenceFrom((features.grad as Tensor).toFloat32Array(), of.grad));
      });
    console.log(
      `roi_align: ${golden.roi.length} cases, largest difference ${worst} forward, ${worstGrad} in gradients`,
    );
    expect(golden.roi.length).toBeGreaterThanOrEqual(24);
    expect(worst).toBeLessThan(1e-5);
    expect(worstGrad).toBeLessThan(1e-5);
  });

  it("agrees with its composition, gives the same bits on one thread and two, and keeps short types", () => {
    const random = new Random(4);
    const maps = tensor(
      Float32Array.from({ length: 2 * 70 * 12 * 9 }, () => random.normal()),
      [2, 70, 12, 9],
    );
    const boxes = boxesOf(
      Array.from({ length: 12 }, () => {
        const [x, y] = [random.uniform(-4, 10), random.uniform(-4, 12)];
        return [random.int(2), x, y, x + random.uniform(0, 9), y + random.uniform(0, 9)];
      }),
    );
    const before = getThreads();
    for (const aligned of [false, true]) {
      const options = { scale: 1, bins: [7, 5] as [number, number], samples: 2, aligned };
      const learn = (threads: number, run: typeof roiAlign) => {
        setThreads(threads);
        return scope(() => {
          const features = maps.clone().setRequiresGrad(true);
          const out = run(features, boxes, options);
          out.mul(out).sum().backward();
          return [out.toFloat32Array(), (features.grad as Tensor).toFloat32Array()];
        });
      };
      const [one, two, composed] = [learn(1, roiAlign), learn(2, roiAlign), learn(2, composedRoiAlign)];
      setThreads(before);
      for (const which of [0, 1]) {
        expect(one[which]).toEqual(two[which]);
        const largest = Math.max(...composed[which].map(Math.abs));
        for (const [i, value] of composed[which].entries())
          expect(Math.abs(one[which][i] - value) / (1 + largest)).toBeLessThan(1e-4);
      }
    }
    for (const dtype of ["bfloat16", "float16"] as const)
      scope(() => {
        const options = { scale: 1, bins: [3, 3] as [number, number], samples: 2, aligned: true };
        const short = maps.to(dtype).detach().setRequiresGrad(true);
        const [half, whole] = [roiAlign(short, boxes, options), roiAlign(short.detach().to("float32"), boxes, options)];
        half.sum().backward();
        expect([half.dtype, (short.grad as Tensor).dtype]).toEqual([dtype, dtype]);
        expect(half.to("float32").sub(whole).abs().max().item()).toBeLessThan(0.02);
      });
    maps.dispose();
    boxes.dispose();
  });

  it("has in double precision the slopes that its differences have, and leaves nothing behind", () => {
    const random = new Random(8);
    const [shape, size] = [[2, 2, 4, 5], 80];
    const doubles = (values: number[], of: number[]) => tensor(Float64Array.from(values), of);
    const values = Array.from({ length: size }, () => random.normal());
    const boxes = boxesOf([
      [0, -1.5, 0.3, 3.2, 3.9],
      [1, 1, 1, 1, 1],
      [1, 0.4, -2, 9, 3],
    ]);
    const before = liveTensors();
    for (const [samples, aligned] of [
      [2, true],
      [0, true],
      [0, false],
    ] as const) {
      const options = { scale: 0.9, bins: [3, 2] as [number, number], samples, aligned };
      const weighted = (given: number[]) =>
        scope(() => {
          const features = doubles(given, shape).setRequiresGrad(true);
          const out = roiAlign(features, boxes, options);
          const weights = Array.from({ length: out.size }, (_, i) => Math.sin(i));
          const sum = out.mul(out).mul(doubles(weights, out.shape)).sum();
          sum.backward();
          return { value: sum.item(), slopes: (features.grad as Tensor).toFloat32Array() };
        });
      const { slopes } = weighted(values);
      for (let i = 0; i < size; i++) {
        const [more, less] = [1e-4, -1e-4].map((step) => weighted(values.with(i, values[i] + step)).value);
        expect(Math.abs((more - less) / 2e-4 - slopes[i])).toBeLessThan(1e-6 * (1 + Math.abs(slopes[i])));
      }
    }
    // 483 calls, forward and backward.
    expect(liveTensors()).toBe(before);
    boxes.dispose();
  });

  it("reads nothing outside of the map for any box, takes none, and leaks nothing", () => {
    const random = new Random(6);
    const maps = tensor(new Float32Array(3 * 5 * 8 * 11).fill(1), [3, 5, 8, 11]);
    const before = liveTensors();
    const extreme = () => [0, -1, 8, 11, 1e9, -1e9, 0.5][random.int(7)] + random.uniform(-2, 2) * 10 ** random.int(4);
    for (let round = 0; round < 40; round++)
      scope(() => {
        const boxes = Array.from({ length: 250 }, () => [random.int(3), extreme(), extreme(), extreme(), extreme()]);
        const options = {
          scale: 0.5,
          bins: [2, 3] as [number, number],
          samples: 1 + random.int(3),
          aligned: round % 2 > 0,
        };
        const values = noGrad(() => roiAlign(maps, boxesOf(boxes), options)).toFloat32Array();
        // A mean of ones and zeros.
        expect(values.every((value) => value >= 0 && value <= 1 + 1e-5)).toBe(true);
      });
    scope(() =>
      expect(roiAlign(maps, boxesOf([]), { scale: 1, bins: [7, 7], samples: 2, aligned: true }).shape).toEqual([
        0, 5, 7, 7,
      ]),
    );
    expect(liveTensors()).toBe(before);
    maps.dispose();
  });

  it("refuses boxes and sizes that make no sense, by name", () => {
    scope(() => {
      const maps = tensor(new Float32Array(2 * 3 * 4 * 4), [2, 3, 4, 4]);
      const options = { scale: 1, bins: [2, 2] as [number, number], samples: 2, aligned: true };
      const run = (box: number[]) => () => roiAlign(maps, boxesOf([[0, 0, 0, 2, 2], box]), options);
      expect(run([2, 0, 0, 2, 2])).toThrow(/box 1 is of image 2, there are 2/);
      expect(run([-1, 0, 0, 2, 2])).toThrow(/box 1 is of image -1/);
      expect(run([0.5, 0, 0, 2, 2])).toThrow(/box 1 is of image 0.5/);
      expect(run([0, Number.NaN, 0, 2, 2])).toThrow(/box 1 holds a number that is not finite/);
      expect(run([0, 0, 0, Number.POSITIVE_INFINITY, 2])).toThrow(/box 1 holds/);
      expect(() => roiAlign(maps, tensor(new Float32Array(4), [1, 4]), options)).toThrow(/boxes \[K, 5\]/);
      expect(() => roiAlign(maps, boxesOf([[0, 0, 0, 1e6, 2]]), { ...options, samples: 0 })).toThrow(
        /64 times as long/,
      );
    });
  });
});

describe("non-maximum suppression", () => {
  it("keeps torchvision's boxes in torchvision's order", () => {
    for (const { count, seed, ties, threshold, kept } of golden.nms)
      scope(() => {
        const r = numbers(5 * count, seed).map((value) => (value + 1) / 2);
        const at = (i: number, k: number) => r[5 * i + k];
        const boxes = Float32Array.from({ length: 4 * count }, (_, n) => {
          const [i, k] = [n >> 2, n & 3];
          return k < 2 ? at(i, k) * 60 : at(i, k - 2) * 60 + (1 + at(i, k) * 20);
        });
        const scores = Float32Array.from({ length: count }, (_, i) => Math.fround(at(i, 4)));
        const shown = ties ? scores.map((score) => Math.floor(score * 8) / 8) : scores;
        const found = nms(tensor(boxes, [count, 4]), tensor(shown, [count]), threshold);
        expect(found.toIntegers()).toEqual(kept);
      });
    expect(golden.nms.length).toBeGreaterThanOrEqual(20);
  });
  it("refuses scores that are no numbers, or of another length", () => {
    scope(() => {
      const boxes = tensor(Float32Array.of(0, 0, 1, 1, 0, 0, 2, 2), [2, 4]);
      expect(() => nms(boxes, tensor(Float32Array.of(1, Number.NaN), [2]), 0.5)).toThrow(/a score is not a number/);
      expect(() => nms(boxes, tensor(Float32Array.of(1), [1]), 0.5)).toThrow(/not one for each of 2 boxes/);
      expect(() =>
        op("skyloop::nms", tensor(new Float32Array(3), [1, 3]), tensor(new Float32Array(1), [1]), 0.5),
      ).toThrow(/boxes \[K, 4\]/);
    });
  });
});
