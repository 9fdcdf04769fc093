/**
 * Initial weights, drawn from libtorch's generator (`manualSeed`). Each returns a new Parameter that no scope frees.
 */
import { device, drawn, noGrad, op, opInPlace, type Parameter, scope, type Tensor } from "../torch/index.ts";

function made(shape: number[], fill: (tensor: Tensor) => void): Parameter {
  return noGrad(() => scope(() => drawn(shape, fill))).asParameter();
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

/** A parameter filled with one value. */
export function constant(shape: number[], value: number): Parameter {
  return scope(() => op("full", shape, value, 6, undefined, device())).asParameter();
}
