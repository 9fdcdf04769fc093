import { describe, expect, it } from "vitest";
import { toyEncoder } from "../../../test/fixtures/encoders.ts";
import { Random } from "../../base/random.ts";
import type { Truth } from "../../contract/detection.ts";
import { AdamW, clipGradNorm, liveTensors, manualSeed, op, scope, tensor } from "../../torch/index.ts";
import { ResNet } from "../resnet.ts";
import { batchImages, galaxyOptions, MaskRcnn } from "./index.ts";
import { overlapping, sampleBoxes } from "./matching.ts";

const swin = () => toyEncoder({ embedDim: 16 });
const SIZE = 64;

/** A picture with a bright disc or two, or none, on faint noise. */
function drawn(number: number): { pixels: Float32Array; truths: Truth[] } {
  const random = new Random(number);
  const pixels = Float32Array.from({ length: 3 * SIZE * SIZE }, () => 0.1 * random.next());
  const truths = Array.from({ length: number % 4 === 3 ? 0 : 1 + (number % 2) }, (_, i): Truth => {
    const radius = random.uniform(6, 10);
    const x = Math.round(i === 0 ? 16 : 46) + 0.5;
    const y = Math.round(random.uniform(14, 50)) + 0.5;
    const [x1, y1, width] = [Math.floor(x - radius), Math.floor(y - radius), Math.ceil(2 * radius) + 1];
    const bits = new Uint8Array(width * width);
    for (let row = 0; row < width; row++)
      for (let column = 0; column < width; column++) {
        if (Math.hypot(x1 + column + 0.5 - x, y1 + row + 0.5 - y) > radius) continue;
        bits[row * width + column] = 1;
        for (let c = 0; c < 3; c++) pixels[(c * SIZE + y1 + row) * SIZE + x1 + column] += 0.6 + 0.1 * c;
      }
    const mask = { x: x1, y: y1, width, height: width, bits };
    return { x1, y1, x2: x1 + width, y2: y1 + width, class: "disc", ignore: false, mask };
  });
  return { pixels, truths };
}

const batchOf = (pictures: { pixels: Float32Array }[]) =>
  batchImages(pictures.map(({ pixels }) => tensor(pixels, [3, SIZE, SIZE])));

const total = (losses: ReturnType<MaskRcnn["losses"]>) => Object.values(losses).reduce((sum, loss) => sum.add(loss));

function overlap(a: Truth, b: Omit<Truth, "ignore">): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  const both = Math.max(0, width) * Math.max(0, height);
  const area = (box: Omit<Truth, "ignore">) => (box.x2 - box.x1) * (box.y2 - box.y1);
  return both / (area(a) + area(b) - both);
}

describe("a detector", () => {
  it("learns a few pictures by heart: every disc is found with its mask, and nothing else", () => {
    manualSeed(1);
    const model = new MaskRcnn(swin(), galaxyOptions(["disc"], 16));
    const pictures = [0, 1, 2, 3].map(drawn);
    const optimiser = new AdamW(model.learned(), { learningRate: 3e-3 });
    for (let step = 0; step < 50; step++) {
      model.train();
      optimiser.learningRate = 3e-3 * Math.min(1, (step + 1) / 10, (50 - step) / 20);
      optimiser.zeroGrad();
      scope(() =>
        total(
          model.losses(
            batchOf(pictures),
            pictures.map(({ truths }) => truths),
            new Random(step),
          ),
        ).backward(),
      );
      clipGradNorm(model.parameters(), 5);
      optimiser.step();
    }
    model.eval();
    const found = scope(() => model.detect(batchOf(pictures)));
    for (const [i, { truths }] of pictures.entries()) {
      const sure = found[i].filter(({ score }) => score > 0.5);
      expect(sure).toHaveLength(truths.length);
      for (const truth of truths) {
        const [best] = sure.sort((a, b) => overlap(truth, b) - overlap(truth, a));
        expect(overlap(truth, best)).toBeGreaterThan(0.7);
        const inside = (mask: Truth["mask"]) => mask?.bits.reduce((sum, bit) => sum + bit, 0) ?? 0;
        expect(Math.abs(inside(best.mask) / inside(truth.mask) - 1)).toBeLessThan(0.25);
      }
    }
    optimiser.dispose();
    model.dispose();
  });

  it.each([
    ["a transformer", swin],
    ["a ResNet", () => new ResNet(18, 1)],
  ])("on %s gives every used parameter a gradient, leaves no tensor behind, and is the same when loaded", (_, body) => {
    manualSeed(2);
    const model = new MaskRcnn(body(), galaxyOptions(["disc"], 16));
    const pictures = [0, 1].map(drawn);
    const step = () => {
      for (const parameter of model.parameters()) parameter.setGrad(null);
      scope(() => {
        const losses = model.losses(
          batchOf(pictures),
          pictures.map(({ truths }) => truths),
          new Random(1),
        );
        for (const loss of Object.values(losses)) expect(loss.item()).toBeGreaterThan(0);
        total(losses).backward();
      });
    };
    step();
    scope(() => {
      for (const [name, parameter] of model.learned())
        expect(parameter.grad?.norm().item() ?? 0, name).toBeGreaterThan(0);
    });
    const before = liveTensors();
    step();
    step();
    expect(liveTensors()).toBe(before);
    model.eval();
    const again = new MaskRcnn(body(), galaxyOptions(["disc"], 16)).eval();
    expect(scope(() => again.loadDetector(model.stateDict()))).toEqual([]);
    expect(scope(() => again.detect(batchOf(pictures)))).toEqual(scope(() => model.detect(batchOf(pictures))));
    const other = new MaskRcnn(body(), galaxyOptions(["disc", "ring"], 16));
    expect(scope(() => other.loadDetector(model.stateDict()))).toEqual([
      "roi_heads.box_predictor.cls_score.weight",
      "roi_heads.box_predictor.cls_score.bias",
      "roi_heads.box_predictor.bbox_pred.weight",
      "roi_heads.box_predictor.bbox_pred.bias",
      "roi_heads.mask_predictor.mask_fcn_logits.weight",
      "roi_heads.mask_predictor.mask_fcn_logits.bias",
    ]);
    const part = Object.entries(model.stateDict()).filter(([name]) => name !== "rpn.head.conv.0.0.weight");
    expect(() => scope(() => again.loadDetector(Object.fromEntries(part)))).toThrow(
      /missing: 1 \(rpn\.head\.conv\.0\.0\.weight\)/,
    );
    for (const one of [model, again, other]) one.dispose();
  });

  it("without a proposal finds nothing", () => {
    const options = galaxyOptions(["disc"], 16);
    const none = { ...options, proposals: { ...options.proposals, after: [100, 0] as const } };
    const model = new MaskRcnn(swin(), none).eval();
    expect(scope(() => model.detect(batchOf([0, 3].map(drawn))))).toEqual([[], []]);
    model.dispose();
  });

  it("learns from pictures without objects that there is nothing", () => {
    manualSeed(3);
    const model = new MaskRcnn(swin(), galaxyOptions(["disc"], 16));
    const pictures = [3, 7].map(drawn);
    scope(() => {
      const losses = model.losses(batchOf(pictures), [[], []], new Random(1));
      expect(losses.objectness.item()).toBeGreaterThan(0);
      expect(losses.classes.item()).toBeGreaterThan(0);
      expect([losses.proposals, losses.boxes, losses.masks].map((loss) => loss.item())).toEqual([0, 0, 0]);
      total(losses).backward();
      for (const [, parameter] of model.learned())
        expect(Number.isFinite(parameter.grad?.norm().item() ?? 0)).toBe(true);
    });
    model.dispose();
  });

  it("learns from every box that was rejected, whatever else is background", () => {
    const rejected = Float32Array.from([10, 10, 30, 30]);
    const boxes = new Float32Array(4 * 200);
    for (let n = 0; n < 200; n++) boxes.set([n % 40, 10, (n % 40) + 20, 30], 4 * n);
    const near = overlapping(boxes, rejected);
    expect(near.filter(Boolean)).toHaveLength(65);
    const plain = { count: 100, objects: 0.25 };
    const matches = new Int32Array(200).fill(-1);
    const { found, empty } = sampleBoxes(matches, plain, new Random(1), near);
    expect([found.length, empty.length, new Set(empty).size]).toEqual([0, 100, 100]);
    expect(empty.filter((n) => near[n])).toHaveLength(65);
    expect(sampleBoxes(matches, plain, new Random(1), [])).toEqual(sampleBoxes(matches, plain, new Random(1)));

    manualSeed(6);
    const model = new MaskRcnn(swin(), galaxyOptions(["disc"], 16));
    const [picture] = [0].map(drawn);
    const nothing = picture.truths.map((truth) => ({ ...truth, rejected: true }));
    scope(() => {
      const losses = model.losses(batchOf([picture]), [nothing], new Random(1));
      expect([losses.proposals, losses.boxes, losses.masks].map((loss) => loss.item())).toEqual([0, 0, 0]);
      expect(losses.classes.item()).toBeGreaterThan(0);
    });
    model.dispose();
  });

  it("takes no box of an object to ignore for background", () => {
    manualSeed(4);
    const model = new MaskRcnn(swin(), galaxyOptions(["disc"], 16));
    const [picture] = [0].map(drawn);
    const ignored = picture.truths.map((truth) => ({ ...truth, x1: 0, y1: 0, x2: SIZE, y2: SIZE, ignore: true }));
    scope(() => {
      const losses = model.losses(batchOf([picture]), [ignored], new Random(1));
      // All of the picture is ignored: only anchors that mostly lie outside of it are background.
      expect(losses.classes.item()).toBe(0);
      expect(Number.isFinite(total(losses).item())).toBe(true);
    });
    model.dispose();
  });

  it("that enlarges pictures gives what one gives that is shown them enlarged, in their own pixels", () => {
    const squares = (sizes: number[], enlarge: number) => {
      const options = galaxyOptions(["disc"], 16, enlarge);
      const anchors = { sizes: sizes.map((size) => [size]), ratios: [1] };
      return { ...options, proposals: { ...options.proposals, anchors } };
    };
    manualSeed(5);
    const model = new MaskRcnn(swin(), squares([16, 24, 32, 48, 96], 2)).eval();
    const large = new MaskRcnn(swin(), squares([32, 48, 64, 96, 192], 1)).eval();
    const { pixels, truths } = drawn(1);
    scope(() => {
      large.loadStateDict(model.stateDict());
      const image = tensor(pixels, [1, 3, SIZE, SIZE]);
      const twice = op("upsample_bilinear2d", image, [2 * SIZE, 2 * SIZE], false, null, null);
      const doubled = truths.map((one) => ({ ...one, x1: 2 * one.x1, y1: 2 * one.y1, x2: 2 * one.x2, y2: 2 * one.y2 }));
      const plain = (all: Truth[]) => all.map(({ mask: _, ...one }) => one);
      const [a, b] = [
        model.losses(batchOf([{ pixels }]), [plain(truths)], new Random(1)),
        large.losses(batchImages([twice.select(0, 0)]), [plain(doubled)], new Random(1)),
      ];
      for (const name of ["objectness", "proposals", "classes", "boxes"] as const)
        expect(a[name].item()).toBeCloseTo(b[name].item(), 5);
      const [[found], [shown]] = [model.find(batchOf([{ pixels }])), large.find(batchImages([twice.select(0, 0)]))];
      expect(found.labels.length).toBeGreaterThan(3);
      expect(found.labels).toEqual(shown.labels);
      for (const [i, side] of found.boxes.entries()) expect(2 * side).toBeCloseTo(shown.boxes[i], 3);
      for (const [i, score] of found.scores.entries()) expect(score).toBeCloseTo(shown.scores[i], 5);
    });
    model.dispose();
    large.dispose();
  });
});
