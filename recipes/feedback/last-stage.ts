/**
 * Fine-tuning an encoder's last stage while a person searches: what stands before that stage is computed once, and after
 * each page the stage and a head learn from the answers, beginning with the released weights.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { blocks } from "../../src/base/blocks.ts";
import { writeFileAtomic } from "../../src/base/files.ts";
import { Random } from "../../src/base/random.ts";
import type { RankerOf } from "../../src/evaluate/hunt.ts";
import { standardised } from "../../src/loop/learn.ts";
import { commonRange } from "../../src/models/feature-pooling.ts";
import { type Projection, turnedViews, viewCount } from "../../src/models/feature-projection.ts";
import type { FeatureReading } from "../../src/models/feature-reader.ts";
import { Mlp } from "../../src/models/mlp.ts";
import type { SwinUnet } from "../../src/models/swin-unet.ts";
import { WindowMasks } from "../../src/nn/index.ts";
import {
  AdamW,
  bceWithLogits,
  cat,
  keep,
  manualSeed,
  noGrad,
  op,
  type Parameter,
  scope,
  type Tensor,
  tensor,
} from "../../src/torch/index.ts";

import { answersOf } from "./ways.ts";

const BATCH = 64;

/** An encoder's last stage with what it is given of every object: the map before it, in each view. */
export class LastStage {
  readonly #model: SwinUnet;
  readonly #masks = new WindowMasks();
  /** [N, views, tokens, width] */
  readonly inputs: Float32Array;
  readonly views: number;
  readonly side: number;
  /** What the stage gives with the weights it came with, in the features' columns, [N, views, dim]. */
  readonly before: Float32Array;
  readonly #axes: Tensor;
  readonly #released: Record<string, Tensor>;

  /**
   * `inputs` as `lastInputs` gives them, of an encoder that is read by stages in a common range and projected.
   */
  constructor(model: SwinUnet, { axes }: Projection, inputs: Float32Array, views: number) {
    this.#model = model.eval();
    this.inputs = inputs;
    this.views = views;
    this.side = sideOf(model);
    const [rows] = axes.shape;
    // The last stage's mean and maximum are the last of a pooled row.
    this.#axes = keep(axes.slice(0, rows - 2 * model.featureDim, rows).clone());
    this.#released = Object.fromEntries(this.parameters().map(([name, one]) => [name, keep(one.detach().clone())]));
    const all = Array.from({ length: this.count * views }, (_, i) => i);
    this.before = new Float32Array(all.length * this.dim);
    for (const { from, to } of blocks(all.length, BATCH))
      noGrad(() =>
        scope(() => this.forward(all.slice(from, to)).copyTo(this.before.subarray(from * this.dim, to * this.dim))),
      );
  }

  get width(): number {
    return this.side ** 2 * this.#model.featureDim;
  }
  get count(): number {
    return this.inputs.length / this.views / this.width;
  }
  get dim(): number {
    return this.#axes.shape[1];
  }

  /** What learns: the stage's blocks and the norm after them. */
  parameters(): [string, Parameter][] {
    const { layers, norm } = this.#model;
    return [...layers[layers.length - 1].namedParameters(), ...norm.namedParameters()];
  }

  /** What the stage gives of inputs by their places (row x views + view), in the features' columns, [n, dim]. */
  forward(places: number[]): Tensor {
    const { side, width } = this;
    const { layers, norm, featureDim } = this.#model;
    const rows = new Float32Array(places.length * width);
    for (const [i, place] of places.entries())
      rows.set(this.inputs.subarray(place * width, (place + 1) * width), i * width);
    let x = tensor(rows, [places.length, side ** 2, featureDim]);
    for (const block of layers[layers.length - 1].blocks) x = block.forward(x, side, side, this.#masks);
    const map = norm.forward(x);
    return cat([map.mean(1), op("amax", map, [1], false)], 1).matmul(this.#axes);
  }

  /** By how much the stage moves features now, [n, dim] of places. */
  moved(places: number[]): Tensor {
    const { dim } = this;
    const was = new Float32Array(places.length * dim);
    for (const [i, place] of places.entries()) was.set(this.before.subarray(place * dim, (place + 1) * dim), i * dim);
    return this.forward(places).sub(tensor(was, [places.length, dim]));
  }

  /** Gives the stage the weights that it came with. */
  restore(): void {
    noGrad(() =>
      scope(() => {
        for (const [name, parameter] of this.parameters()) {
          parameter.setGrad(null);
          parameter.copy_(this.#released[name]);
        }
      }),
    );
  }

  dispose(): void {
    this.#masks.dispose();
    this.#axes.dispose();
    for (const one of Object.values(this.#released)) one.dispose();
  }
}

const sideOf = ({ config: { imageSize, patchSize, depths } }: SwinUnet) =>
  imageSize / patchSize / 2 ** (depths.length - 1);

/** The maps before the last stage of images [N, 3, S, S] in each view, [N, views, tokens, width]. */
export function lastInputs(
  model: SwinUnet,
  { views, commonRange: inRange }: FeatureReading,
  images: Tensor,
): Float32Array {
  const [N] = images.shape;
  const count = viewCount(views);
  const width = sideOf(model) ** 2 * model.featureDim;
  const out = new Float32Array(N * count * width);
  for (const { from, to } of blocks(N, BATCH / 2))
    noGrad(() =>
      scope(() => {
        const some = turnedViews(images.slice(0, from, to).to("float32"), views, inRange ? commonRange : undefined);
        // All in the first way come first.
        const maps = (model.encode(some).skips.at(-1) as Tensor).reshape(count, to - from, width).transpose(0, 1);
        maps.contiguous().copyTo(out.subarray(from * count * width, to * count * width));
      }),
    );
  return out;
}

/** Numbers kept in a file, or made and kept. */
export async function keptNumbers(path: string, make: () => Promise<Float32Array>): Promise<Float32Array> {
  if (existsSync(path)) {
    const bytes = readFileSync(path);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }
  const made = await make();
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, Buffer.from(made.buffer, made.byteOffset, made.byteLength));
  return made;
}

/** How the last stage learns. */
export interface FineTuning {
  steps: number;
  /** Rates of the stage and of the head behind it. */
  rate: number;
  headRate: number;
  batch: number;
  /** Views that a score is the mean of. */
  scoredBy: number[];
}

const HIDDEN = 2048;

/**
 * Ranks by the features as they are and what the last stage, fine-tuned on the examples, adds to them: each step sees as
 * many examples of either class, each in a view drawn at random.
 */
export function fineTuned(stage: LastStage, options: FineTuning): RankerOf {
  return (given) => {
    const { space, seed } = given;
    const examples = answersOf(given);
    manualSeed(seed);
    stage.restore();
    const head = new Mlp(space.dim, HIDDEN, 1).beginAtZero();
    /** Logits [n, 1] of rows, moved by the mean over some views of each. */
    const logits = (rows: number[], viewsOf: number[][]) => {
      const moved = viewsOf
        .map((views) => stage.moved(rows.map((row, i) => row * stage.views + views[i])))
        .reduce((sum, one) => sum.add(one))
        .div(viewsOf.length);
      return head.forward(standardised(space, rows).add(moved.div(tensor(space.sd, [1, space.dim]))));
    };
    const random = new Random(seed).fork("fine-tuning");
    learnStage(stage, head, options, () => {
      const drawn = [true, false].flatMap((positive) => {
        const kind = examples.filter((one) => one.positive === positive);
        return Array.from({ length: options.batch / 2 }, () => random.choice(kind));
      });
      const target = Float32Array.from(drawn, ({ positive }) => (positive ? 1 : 0));
      const views = drawn.map(() => random.int(stage.views));
      return bceWithLogits(
        logits(
          drawn.map(({ row }) => row),
          [views],
        ),
        tensor(target, [drawn.length, 1]),
      );
    });
    return {
      scoreRows(rows) {
        const out = new Float32Array(rows.length);
        for (const { from, to } of blocks(rows.length, BATCH)) {
          const some = rows.slice(from, to);
          const viewsOf = options.scoredBy.map((view) => some.map(() => view));
          noGrad(() => scope(() => logits(some, viewsOf).sigmoid().reshape(-1).copyTo(out.subarray(from, to))));
        }
        return out;
      },
      dispose: () => head.dispose(),
    };
  };
}

/** Steps of AdamW on the stage and its head; `loss` draws a batch. */
function learnStage(stage: LastStage, head: Mlp, { steps, rate, headRate }: FineTuning, loss: () => Tensor): void {
  const ofHead = [...head.namedParameters()].map(([name, one]): [string, Parameter] => [`head.${name}`, one]);
  const optimiser = new AdamW([...stage.parameters(), ...ofHead], {
    learningRate: rate,
    weightDecay: 0.01,
    rateOf: (name) => (name.startsWith("head.") ? headRate / rate : 1),
  });
  for (let step = 0; step < steps; step++) {
    optimiser.zeroGrad();
    scope(() => loss().backward());
    optimiser.step();
  }
  optimiser.zeroGrad();
  optimiser.dispose();
}
