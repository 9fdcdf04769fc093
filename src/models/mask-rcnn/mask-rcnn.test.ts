import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../base/random.ts";
import type { Truth } from "../../contract/detection.ts";
import { noGrad, scope, type Tensor, tensor } from "../../torch/index.ts";
import { ResNet } from "../resnet.ts";
import { batchImages, detectionsOf, MaskRcnn, type MaskRcnnOptions, TORCHVISION_OPTIONS } from "./index.ts";
import type { RegionsFound } from "./region-heads.ts";

interface Digest {
  shape: number[];
  first: number[];
  sums: number[];
}
interface FoundGolden {
  boxes: number[];
  scores: number[];
  labels: number[];
  masks: Digest;
  areas: number[];
  pasted: number[][];
}
const golden: {
  objects: number[][];
  small: {
    gains: [string, number][];
    parameters: number;
    maps: Digest[];
    logits: Digest[];
    codes: Digest[];
    anchors: Digest;
    proposals: number[][];
    found: FoundGolden[];
    losses: Record<string, number>;
    gradients: Record<string, number>;
  };
  large: { names: Record<string, number[]>; parameters: number; proposals: Digest; found: FoundGolden };
} = JSON.parse(readFileSync(new URL("../../../test/golden/mask-rcnn.json", import.meta.url), "utf8"));

/** The generator's formulas (test/golden/gen/mask_rcnn.py). */
const numbers = (count: number, seed: number) =>
  Float64Array.from(
    { length: count },
    (_, i) => (((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1) * 2 - 1,
  );

const ROOT3 = Math.sqrt(3);
/** One of the generator's scattered numbers. */
function scattered(i: number, seed: number): number {
  let x = Math.imul(i + 1 + seed * 7919, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca77);
  x = (x ^ (x >>> 13)) >>> 0;
  return (x / 2 ** 31 - 1) * ROOT3;
}

function fill(model: MaskRcnn, gains: [string, number][]): void {
  const names = Object.entries(model.stateDict()).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [k, [name, target]] of names.entries()) {
    if (name.endsWith("num_batches_tracked")) continue;
    const { shape, size } = target;
    const flat = shape.length === 1;
    const nearOne = name.endsWith("running_var") || (name.endsWith("weight") && flat);
    const gain = gains.find(([part]) => name.includes(part))?.[1] ?? 1;
    const scale = flat ? 0.1 : gain / Math.sqrt(size / shape[0]);
    const values = new Float32Array(size);
    for (let i = 0; i < size; i++) values[i] = (nearOne ? 1 : 0) + scale * scattered(i, k);
    noGrad(() => scope(() => target.copy_(tensor(values, shape))));
  }
}

function image(height: number, width: number, seed: number): Tensor {
  const N = height * width;
  const out = new Float32Array(3 * N);
  for (let c = 0; c < 3; c++) {
    const noise = numbers(N, seed + c);
    const plane = noise.map((value) => 0.1 + 0.05 * value);
    for (let b = 0; b < 6; b++) {
      const r = numbers(4, 100 * seed + 10 * b + c).map((value) => (value + 1) / 2);
      const size = 4 + 12 * r[2];
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          plane[y * width + x] +=
            0.8 * r[3] * Math.exp(-((x - r[0] * width) ** 2 + (y - r[1] * height) ** 2) / (2 * size ** 2));
    }
    out.set(plane, c * N);
  }
  return tensor(out, [3, height, width]);
}

function ellipse([x1, y1, x2, y2]: number[], name: string): Truth {
  const [width, height] = [x2 - x1, y2 - y1];
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      bits[y * width + x] = Number(
        (((x + 0.5 - width / 2) * 2) / width) ** 2 + (((y + 0.5 - height / 2) * 2) / height) ** 2 <= 1,
      );
  return { x1, y1, x2, y2, class: name, ignore: false, mask: { x: x1, y: y1, width, height, bits } };
}

/** The largest difference of a tensor's first values and, over the walk of rounding, of its weighted sums. */
function differenceOf(found: Float32Array | Tensor, { first, sums, shape }: Digest): number {
  const values = found instanceof Float32Array ? found : found.toFloat32Array();
  if (values.length !== shape.reduce((a, b) => a * b, 1)) return Number.POSITIVE_INFINITY;
  const differences = first.map((value, i) => Math.abs(value - values[i]));
  for (const [s, seed] of [11, 12, 13].entries()) {
    const weights = numbers(values.length, seed);
    const sum = values.reduce((total, value, i) => total + value * weights[i], 0);
    differences.push(Math.abs(sum - sums[s]) / Math.sqrt(values.length));
  }
  return Math.max(...differences);
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length ? Math.max(0, ...Array.from(a, (value, i) => Math.abs(value - b[i]))) : Infinity;

/** Boxes that stand elsewhere among `wanted`, but for neighbours whose scores differ by rounding alone. */
function misplaced(found: Float32Array, wanted: number[]): number[] {
  const differs = (i: number, j: number) =>
    largest(found.subarray(4 * i, 4 * i + 4), wanted.slice(4 * j, 4 * j + 4)) > 1e-3;
  const wrong = Array.from({ length: wanted.length / 4 }, (_, i) => i).filter((i) => differs(i, i));
  return wrong.filter((i) => differs(i, i - 1) && differs(i, i + 1));
}

function compareFound(found: RegionsFound, wanted: FoundGolden, size: { height: number; width: number }) {
  expect(found.labels).toEqual(wanted.labels);
  expect(largest(found.boxes, wanted.boxes)).toBeLessThanOrEqual(1e-2);
  expect(largest(found.scores, wanted.scores)).toBeLessThanOrEqual(1e-4);
  expect(differenceOf(found.masks, wanted.masks)).toBeLessThanOrEqual(1e-4);
  const drawn = detectionsOf(found, ["a", "b"], size).map(({ mask }) => mask as NonNullable<typeof mask>);
  let wrong = 0;
  for (const [i, area] of wanted.areas.entries())
    wrong = Math.max(wrong, Math.abs(area - drawn[i].bits.reduce((sum, bit) => sum + bit, 0)));
  for (const [i, pixels] of wanted.pasted.entries()) {
    const { x, y, width, bits } = drawn[i];
    const own = new Set<number>();
    for (const [p, bit] of bits.entries())
      if (bit === 1) own.add((y + Math.floor(p / width)) * size.width + x + (p % width));
    const other = pixels.filter((pixel) => !own.has(pixel)).length;
    wrong = Math.max(wrong, other + own.size - (pixels.length - other));
  }
  expect(wrong).toBeLessThanOrEqual(0.001 * size.width * size.height);
}

const SMALL: MaskRcnnOptions = {
  ...TORCHVISION_OPTIONS,
  classes: ["a", "b"],
  channels: 16,
  proposals: {
    ...TORCHVISION_OPTIONS.proposals,
    anchors: { sizes: [[16], [24], [32], [48], [96]], ratios: [0.5, 1, 2] },
    before: [300, 300],
    after: [200, 200],
    sample: { count: 100_000, objects: 0.5 },
  },
  heads: {
    ...TORCHVISION_OPTIONS.heads,
    width: 32,
    maskWidths: [16, 16],
    maskWidth: 16,
    sample: { count: 10_000, objects: 0.5 },
    most: 30,
  },
};

describe("Mask R-CNN, against torchvision's", () => {
  it("on a ResNet50 has its 360 names, shapes and parameters, and finds the same in an image", () => {
    const { large, small } = golden;
    const model = new MaskRcnn(new ResNet(50, 1), TORCHVISION_OPTIONS).eval();
    const state = model.stateDict();
    expect(Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, shape]))).toEqual(large.names);
    expect(Object.keys(state)).toHaveLength(360);
    expect([...model.parameters()].reduce((sum, { size }) => sum + size, 0)).toBe(43_975_515);
    fill(model, small.gains);
    scope(() =>
      compareFound(model.find(batchImages([image(128, 128, 3)]))[0], large.found, { height: 128, width: 128 }),
    );
    model.dispose();
  });

  it("on a ResNet18 gives the same maps, anchors, proposals, detections and masks, and learns the same", () => {
    const { small } = golden;
    const model = new MaskRcnn(new ResNet(18, 1), SMALL);
    fill(model, small.gains);
    expect([...model.parameters()].reduce((sum, { size }) => sum + size, 0)).toBe(small.parameters);
    const images = () => batchImages([image(128, 128, 1), image(96, 160, 2)]);
    model.eval();
    noGrad(() =>
      scope(() => {
        const batch = images();
        const maps = model.maps(batch);
        const size = { height: 128, width: 160 };
        const { anchors, levels } = model.rpn.guess(maps, size);
        const worst = {
          maps: Math.max(...maps.map((map, i) => differenceOf(map, small.maps[i]))),
          logits: Math.max(...levels.map(({ logits }, i) => differenceOf(logits, small.logits[i]))),
          codes: Math.max(...levels.map(({ codes }, i) => differenceOf(codes, small.codes[i]))),
        };
        console.log("largest differences", worst);
        for (const difference of Object.values(worst)) expect(difference).toBeLessThanOrEqual(1e-4);
        expect(differenceOf(anchors, small.anchors)).toBeLessThan(1e-6);
        const proposals = model.rpn.propose({ anchors, levels }, batch.sizes);
        for (const [b, own] of proposals.entries()) expect(misplaced(own, small.proposals[b])).toEqual([]);
        for (const [b, found] of model.find(batch).entries()) compareFound(found, small.found[b], batch.sizes[b]);
      }),
    );
    model.train();
    scope(() => {
      const truths = golden.objects.map((box, i) => ellipse(box, i === 1 ? "b" : "a"));
      const losses = model.losses(images(), [truths, []], new Random(1));
      const wanted = small.losses;
      const pairs: [Tensor, number][] = [
        [losses.objectness, wanted.loss_objectness],
        [losses.proposals, wanted.loss_rpn_box_reg],
        [losses.classes, wanted.loss_classifier],
        [losses.boxes, wanted.loss_box_reg],
        [losses.masks, wanted.loss_mask],
      ];
      for (const [loss, value] of pairs) expect(Math.abs(loss.item() - value)).toBeLessThanOrEqual(1e-4);
      pairs
        .map(([loss]) => loss)
        .reduce((sum, loss) => sum.add(loss))
        .backward();
      let worst = 0;
      for (const [name, parameter] of model.learned()) {
        const norm = parameter.grad?.to("float64").norm().item() ?? 0;
        worst = Math.max(worst, Math.abs(norm - small.gradients[name]) / Math.max(1e-6, small.gradients[name]));
      }
      console.log("largest difference of a gradient's length", worst);
      expect(worst).toBeLessThanOrEqual(1e-3);
    });
    model.dispose();
  });
});
