/** What the networks of a head say together of each object. */
import { type GaussianMixtures, mixtureMoments, mixtureQuantile } from "../../measure/mixture.ts";
import { LEVELS, type Reach } from "./intervals.ts";
import { angleOf, outputsOf } from "./targets.ts";

/** A number and its spread for each object. */
export interface Said {
  mean: Float64Array;
  spread: Float64Array;
  /** The whole distribution where it is more than one normal of that mean and spread. */
  mixtures: GaussianMixtures | null;
}

/** Outputs of a head of several networks for each output, as `ParameterHead.say` gives them. */
export interface HeadOutputs {
  values: Float32Array;
  objects: number;
  members: number;
  components: number;
}

/** Shorter arrows of an angle's two components say nothing of its direction. */
const LEAST_ARROW = 0.1;
const DEGREES = 90 / Math.PI;

/** Mean and deviation of what one network says of an object's output. */
function momentsAt({ values, objects, components }: HeadOutputs, network: number, object: number): [number, number] {
  if (components === 1) {
    const at = (network * objects + object) * 2;
    return [values[at], values[at + 1]];
  }
  const { mean, sd } = mixtureMoments({ parts: components, values }, network * objects + object);
  return [mean, sd];
}

/** What one network says; of an angle the moments of its two components, whatever these are made of. */
function memberSays(
  outputs: HeadOutputs,
  output: number,
  circular: boolean,
  member: number,
  object: number,
): { mean: number; spread: number; sin: number; cos: number } {
  const { members } = outputs;
  const [mean, spread] = momentsAt(outputs, output * members + member, object);
  if (!circular) return { mean, spread, sin: 0, cos: 0 };
  const [sin, ofSin] = [mean, spread];
  const [cos, ofCos] = momentsAt(outputs, (output + 1) * members + member, object);
  const arrow = Math.max(LEAST_ARROW, Math.hypot(sin, cos));
  const scatter = Math.sqrt((ofSin ** 2 + ofCos ** 2) / 2);
  return { mean: angleOf(sin, cos), spread: (DEGREES * scatter) / arrow, sin, cos };
}

/** Room for the mixtures of an output, where there are any. */
function mixturesFor({ objects, members, components }: HeadOutputs, circular: boolean): GaussianMixtures | null {
  const parts = members * components;
  return components === 1 || circular ? null : { parts, values: new Float64Array(3 * parts * objects) };
}

/** Writes an object's components of a network into its mixture, moved by `shift`, with a share of the weight. */
function addComponents(
  { parts, values: into }: GaussianMixtures,
  { values, objects, components, members }: HeadOutputs,
  { output, member, object, shift, share }: Record<"output" | "member" | "object" | "shift" | "share", number>,
): void {
  const from = 3 * components * ((output * members + member) * objects + object);
  const to = 3 * (object * parts + member * components);
  for (let k = 0; k < 3 * components; k += 3) {
    into[to + k] = values[from + k] + shift;
    into[to + k + 1] = values[from + k + 1];
    into[to + k + 2] = values[from + k + 2] * share;
  }
}

/** What all networks of a target say: their mean, and the root mean square of their deviations. */
export function ensembleSays(outputs: HeadOutputs, output: number, circular: boolean): Said {
  const { objects, members } = outputs;
  const mixtures = mixturesFor(outputs, circular);
  const said: Said = { mean: new Float64Array(objects), spread: new Float64Array(objects), mixtures };
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
    if (mixtures === null) continue;
    for (const [member, one] of all.entries())
      addComponents(mixtures, outputs, { output, member, object: i, shift: mean - one.mean, share: 1 / members });
  }
  return said;
}

/** What is said of training objects by the network that did not learn from each: `foldOf` numbers it. */
export function heldOutSays(outputs: HeadOutputs, output: number, circular: boolean, foldOf: ArrayLike<number>): Said {
  const { objects } = outputs;
  const mixtures = mixturesFor(outputs, circular);
  const said: Said = { mean: new Float64Array(objects), spread: new Float64Array(objects), mixtures };
  for (let i = 0; i < objects; i++) {
    const one = memberSays(outputs, output, circular, foldOf[i], i);
    said.mean[i] = one.mean;
    said.spread[i] = one.spread;
    if (mixtures !== null)
      addComponents(mixtures, outputs, { output, member: foldOf[i], object: i, shift: 0, share: 1 });
  }
  return said;
}

/** Puts what `from` says of its object `i` in place of what `into` says of its object `row`. */
export function replaceSaid(into: Said, row: number, from: Said, i: number): void {
  into.mean[row] = from.mean[i];
  into.spread[row] = from.spread[i];
  if (into.mixtures === null || from.mixtures === null) return;
  const each = 3 * into.mixtures.parts;
  into.mixtures.values.set(from.mixtures.values.subarray(i * each, (i + 1) * each), row * each);
}

/** An interval reaches at least so many spreads to either side: the mean of a skewed mixture may lie beyond its quantiles. */
const LEAST_REACH = 0.1;

/** How far intervals reach before they are stretched: a spread, or to the quantiles of a mixture. */
export function intervalReach({ mean, spread, mixtures }: Said): Reach {
  return (i, level) => {
    if (mixtures === null) return [spread[i], spread[i]];
    const tail = (1 - LEVELS[level]) / 2;
    const least = LEAST_REACH * spread[i];
    return [
      Math.max(least, mean[i] - mixtureQuantile(mixtures, i, tail)),
      Math.max(least, mixtureQuantile(mixtures, i, 1 - tail) - mean[i]),
    ];
  };
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
