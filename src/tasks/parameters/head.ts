/**
 * Parameters of galaxies as numbers with their spread: small networks on an encoder's features and on measured numbers,
 * several of them for each parameter (deep ensembles, Lakshminarayanan et al. 2017), side by side in one product.
 */
import { Layer } from "../../nn/index.ts";
import { constant, uniform } from "../../nn/init.ts";
import {
  dropout,
  keep,
  noGrad,
  ones,
  op,
  type Parameter,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "../../torch/index.ts";

/** What a head is made of: inputs of an object, outputs to learn (an angle has two), networks for each output. */
export interface ParameterHeadShape {
  inputs: number;
  outputs: number;
  members: number;
  /** Normal distributions that a network says of an output together (mixture density networks, Bishop 1994); 1 unless given. */
  components?: number;
}

const HIDDEN = 128;
const DROPOUT = 0.1;
/** Standardised inputs farther out are brought to here: a network knows nothing of what is beyond. */
const MOST_SIGMAS = 6;
/** Logarithms of variances of standardised targets that a network may say. */
const LOG_VARIANCE = { least: -9, most: 3 } as const;

/**
 * Inputs [N, inputs] to mean and log variance [outputs * members, N, 2] of standardised targets; with K > 1 components to
 * their means, log variances and logits of their weights, [outputs * members, N, 3 * K].
 */
export class ParameterHead extends Layer {
  readonly mean: Tensor; // [inputs]
  readonly sd: Tensor; // [inputs]
  readonly shift: Tensor; // [outputs]
  readonly scale: Tensor; // [outputs]
  readonly weight1: Parameter; // [outputs * members, inputs, hidden]
  readonly bias1: Parameter; // [outputs * members, 1, hidden]
  readonly weight2: Parameter; // [outputs * members, hidden, 2 or 3 * components]
  readonly bias2: Parameter; // [outputs * members, 1, 2 or 3 * components]
  readonly #shape: Required<ParameterHeadShape>;

  constructor(shape: ParameterHeadShape) {
    super();
    const { inputs, outputs, members, components = 1 } = shape;
    const networks = outputs * members;
    const said = components === 1 ? 2 : 3 * components;
    this.#shape = { ...shape, components };
    this.mean = keep(zeros([inputs]));
    this.sd = keep(ones([inputs]));
    this.shift = keep(zeros([outputs]));
    this.scale = keep(ones([outputs]));
    this.weight1 = uniform([networks, inputs, HIDDEN], Math.sqrt(1 / inputs));
    this.bias1 = uniform([networks, 1, HIDDEN], Math.sqrt(1 / inputs));
    this.weight2 = uniform([networks, HIDDEN, said], 0.3 * Math.sqrt(1 / HIDDEN));
    this.bias2 = constant([networks, 1, said], 0);
    // Components that begin at one place stay together for long.
    if (components > 1) this.#spreadOut();
  }

  /** Means of components begin evenly between one deviation below and one above. */
  #spreadOut(): void {
    const { outputs, members, components } = this.#shape;
    const bias = new Float32Array(outputs * members * 3 * components);
    for (let at = 0; at < bias.length; at += 3 * components)
      for (let k = 0; k < components; k++) bias[at + k] = (2 * k) / (components - 1) - 1;
    noGrad(() => scope(() => this.bias2.copy_(tensor(bias, [outputs * members, 1, 3 * components]))));
  }

  get shape(): Required<ParameterHeadShape> {
    return this.#shape;
  }

  /** Takes mean and deviation of inputs [N, inputs], and of the finite targets [N, outputs], from training objects. */
  standardise(inputs: Float32Array, targets: Float32Array): void {
    const { inputs: width, outputs } = this.#shape;
    const [from, to] = [momentsOf(inputs, width), momentsOf(withoutFarValues(targets, outputs), outputs)];
    noGrad(() =>
      scope(() => {
        this.mean.copy_(tensor(from.mean, [width]));
        this.sd.copy_(tensor(from.sd, [width]));
        this.shift.copy_(tensor(to.mean, [outputs]));
        this.scale.copy_(tensor(to.sd, [outputs]));
      }),
    );
  }

  forward(inputs: Tensor): Tensor {
    const x = inputs.sub(this.mean).div(this.sd).clamp(-MOST_SIGMAS, MOST_SIGMAS);
    const hidden = dropout(op("gelu", op("baddbmm", this.bias1, this.#each(x), this.weight1)), DROPOUT, this.training);
    return op("baddbmm", this.bias2, hidden, this.weight2);
  }

  /** The same inputs for every network, [networks, N, inputs]. */
  #each(x: Tensor): Tensor {
    const { outputs, members, inputs } = this.#shape;
    return op("expand", op("unsqueeze", x, 0), [outputs * members, x.shape[0], inputs], false);
  }

  /**
   * Mean and deviation of every network for every object, in the targets' units: [outputs * members, N, 2]; with K > 1
   * components mean, deviation and weight of each: [outputs * members, N, K, 3].
   */
  say(inputs: Float32Array, blockRows = 4096): Float32Array {
    const { inputs: width, outputs, members, components } = this.#shape;
    const N = inputs.length / width;
    const networks = outputs * members;
    const each = components === 1 ? 2 : 3 * components;
    const out = new Float32Array(networks * N * each);
    const [shift, scale] = noGrad(() => [this.shift.toFloat32Array(), this.scale.toFloat32Array()]);
    for (let from = 0; from < N; from += blockRows) {
      const n = Math.min(blockRows, N - from);
      const found = noGrad(() =>
        scope(() =>
          this.forward(tensor(inputs.subarray(from * width, (from + n) * width), [n, width])).toFloat32Array(),
        ),
      );
      for (let network = 0; network < networks; network++) {
        const output = Math.floor(network / members);
        for (let i = 0; i < n; i++) {
          const [at, to] = [(network * n + i) * each, (network * N + from + i) * each];
          const [centre, unit] = [shift[output], scale[output]];
          if (components > 1) out.set(componentsInUnits(found.subarray(at, at + each), centre, unit), to);
          else {
            out[to] = found[at] * unit + centre;
            out[to + 1] = deviationOf(found[at + 1]) * unit;
          }
        }
      }
    }
    return out;
  }
}

/** Components of an object in the target's units, [K, 3]: mean, deviation and weight. */
function componentsInUnits(said: Float32Array, shift: number, scale: number): Float32Array {
  const K = said.length / 3;
  const logits = said.subarray(2 * K);
  const most = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  const out = new Float32Array(3 * K);
  for (let k = 0; k < K; k++) {
    out[3 * k] = said[k] * scale + shift;
    out[3 * k + 1] = deviationOf(said[K + k]) * scale;
    out[3 * k + 2] = Math.exp(logits[k] - most) / sum;
  }
  return out;
}

/** A standard deviation by the logarithm of its variance, between the bounds. */
const deviationOf = (logVariance: number) =>
  Math.exp(Math.min(LOG_VARIANCE.most, Math.max(LOG_VARIANCE.least, logVariance)) / 2);

/** Values farther from their column's median than so many robust deviations have no part in its scale. */
const FAR_SIGMAS = 10;

function withoutFarValues(values: Float32Array, width: number): Float32Array {
  const out = values.slice();
  for (let k = 0; k < width; k++) {
    const own = values.filter((value, at) => at % width === k && Number.isFinite(value)).sort();
    const median = own[own.length >> 1];
    const scatter = own.map((value) => Math.abs(value - median)).sort()[own.length >> 1];
    if (!(scatter > 0)) continue;
    for (let at = k; at < out.length; at += width)
      if (Math.abs(out[at] - median) > FAR_SIGMAS * 1.4826 * scatter) out[at] = Number.NaN;
  }
  return out;
}

/** Mean and deviation of each column over its finite values; columns that do not vary have 1. */
function momentsOf(values: Float32Array, width: number): { mean: Float32Array; sd: Float32Array } {
  const [sum, square, n] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  for (let at = 0; at < values.length; at++) {
    if (!Number.isFinite(values[at])) continue;
    sum[at % width] += values[at];
    square[at % width] += values[at] ** 2;
    n[at % width]++;
  }
  const mean = Float32Array.from(sum, (total, k) => total / Math.max(1, n[k]));
  const sd = Float32Array.from(square, (total, k) => {
    const deviation = Math.sqrt(Math.max(0, total / Math.max(1, n[k]) - (sum[k] / Math.max(1, n[k])) ** 2));
    return deviation > 1e-8 * Math.max(1, Math.abs(mean[k])) ? deviation : 1;
  });
  return { mean, sd };
}

/** Half of the power of the variance that each object's share of the loss has (Seitzer et al. 2022). */
const BETA = 0.5;

/**
 * Gaussian negative log-likelihood of what a head says [networks, N, 2] of standardised targets [networks, N], where
 * `weights` [networks, N] is not 0; times the variance to the power of 0.5, so that hard objects are learned, too.
 */
export function gaussianLoss(said: Tensor, targets: Tensor, weights: Tensor): Tensor {
  const mean = said.select(2, 0);
  const logVariance = said.select(2, 1).clamp(LOG_VARIANCE.least, LOG_VARIANCE.most);
  const square = targets.sub(mean).mul(targets.sub(mean));
  const likelihood = square.div(logVariance.exp()).add(logVariance).mul(0.5);
  const share = logVariance.detach().mul(BETA).exp().mul(weights);
  return likelihood.mul(share).sum().div(weights.sum().clamp(1));
}

/**
 * Negative log-likelihood of mixtures of normal distributions, `components` of each network, as a head says them
 * [networks, N, 3 * components]; targets and weights as for one. Each object's share of the loss is by the whole mixture's
 * variance, as there.
 */
export function mixtureLoss(said: Tensor, components: number, targets: Tensor, weights: Tensor): Tensor {
  const part = (k: number) => said.slice(2, k * components, (k + 1) * components);
  const means = part(0);
  const logVariances = part(1).clamp(LOG_VARIANCE.least, LOG_VARIANCE.most);
  const logWeights = part(2).logSoftmax(2);
  const away = targets.unsqueeze(2).sub(means);
  const each = away.mul(away).div(logVariances.exp()).add(logVariances).mul(-0.5).add(logWeights);
  const likelihood = op("logsumexp", each, [2], false).neg();
  const share = noGrad(() => {
    const parts = logWeights.exp();
    const mean = parts.mul(means).sum([2]);
    const square = parts.mul(logVariances.exp().add(means.mul(means))).sum([2]);
    return square.sub(mean.mul(mean)).clamp(Math.exp(LOG_VARIANCE.least)).pow(BETA).mul(weights);
  });
  return likelihood.mul(share).sum().div(weights.sum().clamp(1));
}
