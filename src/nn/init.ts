/**
 * Initial weights, drawn from libtorch's generator (`manualSeed`). Each returns a new Parameter that no scope frees.
 */
import { empty, noGrad, op, opInPlace, type Parameter, scope, type Tensor } from "../torch/index.ts";

function made(shape: number[], fill: (tensor: Tensor) => void): Parameter {
  return noGrad(() =>
    scope(() => {
      const data = empty(shape);
      fill(data);
      return data;
    }),
  ).asParameter();
}

/** Normal with the given sigma, cut at +-2: the transformers' "trunc normal 0.02", whose cut lies 100 sigma out. */
export function truncatedNormal(shape: number[], sigma = 0.02): Parameter {
  return made(shape, (t) => {
    opInPlace("normal_", t, 0, sigma);
    opInPlace("clamp_", t, -2, 2);
  });
}

/** A parameter drawn from [-bound, bound] with equal probability. */
export function uniform(shape: number[], bound: number): Parameter {
  return made(shape, (t) => opInPlace("uniform_", t, -bound, bound));
}

/** Normal with sigma sqrt(2 / fan out): torchvision's for convolutions before ReLU (He et al. 2015). */
export function kaimingNormalFanOut(shape: number[]): Parameter {
  const fanOut = shape[0] * shape.slice(2).reduce((product, n) => product * n, 1);
  return made(shape, (t) => opInPlace("normal_", t, 0, Math.sqrt(2 / fanOut)));
}

/** A parameter filled with one value. */
export function constant(shape: number[], value: number): Parameter {
  return scope(() => op("full", shape, value, 6)).asParameter();
}
