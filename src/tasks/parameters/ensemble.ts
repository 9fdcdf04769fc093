/** What the networks of a head say together of each object. */
import { angleOf, outputsOf } from "./targets.ts";

/** A number and its spread for each object. */
export interface Said {
  mean: Float64Array;
  spread: Float64Array;
}

/** Outputs of a head, [outputs * members, N, 2]: mean and deviation. */
export interface HeadOutputs {
  values: Float32Array;
  objects: number;
  members: number;
}

/** Shorter arrows of an angle's two components say nothing of its direction. */
const LEAST_ARROW = 0.1;
const DEGREES = 90 / Math.PI;

function memberSays(
  { values, objects, members }: HeadOutputs,
  output: number,
  circular: boolean,
  member: number,
  object: number,
): { mean: number; spread: number; sin: number; cos: number } {
  const at = ((output * members + member) * objects + object) * 2;
  if (!circular) return { mean: values[at], spread: values[at + 1], sin: 0, cos: 0 };
  const next = (((output + 1) * members + member) * objects + object) * 2;
  const [sin, cos] = [values[at], values[next]];
  const arrow = Math.max(LEAST_ARROW, Math.hypot(sin, cos));
  const scatter = Math.sqrt((values[at + 1] ** 2 + values[next + 1] ** 2) / 2);
  return { mean: angleOf(sin, cos), spread: (DEGREES * scatter) / arrow, sin, cos };
}

/** What all networks of a target say: their mean, and the root mean square of their deviations. */
export function ensembleSays(outputs: HeadOutputs, output: number, circular: boolean): Said {
  const { objects, members } = outputs;
  const said = { mean: new Float64Array(objects), spread: new Float64Array(objects) };
  for (let i = 0; i < objects; i++) {
    const all = Array.from({ length: members }, (_, m) => memberSays(outputs, output, circular, m, i));
    const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0) / members;
    const mean = circular
      ? angleOf(
          sum(({ sin }) => sin),
          sum(({ cos }) => cos),
        )
      : sum((one) => one.mean);
    said.mean[i] = mean;
    // Without how far they lie apart: of a training object only one network has not seen it, and has nobody to differ from.
    said.spread[i] = Math.sqrt(sum((one) => one.spread ** 2));
  }
  return said;
}

/** What is said of training objects by the network that did not learn from each: `foldOf` numbers it. */
export function heldOutSays(outputs: HeadOutputs, output: number, circular: boolean, foldOf: ArrayLike<number>): Said {
  const { objects } = outputs;
  const said = { mean: new Float64Array(objects), spread: new Float64Array(objects) };
  for (let i = 0; i < objects; i++) {
    const one = memberSays(outputs, output, circular, foldOf[i], i);
    said.mean[i] = one.mean;
    said.spread[i] = one.spread;
  }
  return said;
}

/** Place of each target's first output. */
export function outputPlaces(targets: readonly { circular: boolean }[]): number[] {
  let next = 0;
  return targets.map((target) => {
    const at = next;
    next += outputsOf(target);
    return at;
  });
}
