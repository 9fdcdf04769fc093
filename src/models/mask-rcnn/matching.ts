/** Which box is to find which object, and which boxes of an image are learned from. */
import type { Random } from "../../base/random.ts";
import { type Boxes, overlap, shareInside } from "./boxes.ts";

/** What a box is to find: the number of an object, or one of these. */
const BACKGROUND = -1;
/** Neither an object nor background: nothing is learned from such a box. */
const UNCLEAR = -2;

/** From which overlap on a box is to find an object, and below which it is background. */
export interface MatchRule {
  above: number;
  below: number;
  /** Whether the boxes that overlap an object most find it whatever the overlap. */
  everyObject: boolean;
}

/** Share of a box within an object to ignore from which on the box is no background. */
const MOSTLY_IGNORED = 0.5;

/**
 * For each box the number of the object it is to find, BACKGROUND or UNCLEAR. A box of no object that lies for half of
 * its area in one of `ignored` is unclear.
 */
export function matchBoxes(boxes: Boxes, objects: Boxes, ignored: Boxes, rule: MatchRule): Int32Array {
  const [N, G, I] = [boxes.length / 4, objects.length / 4, ignored.length / 4];
  const [above, below] = [Math.fround(rule.above), Math.fround(rule.below)];
  const matches = new Int32Array(N).fill(BACKGROUND);
  const nearest = new Int32Array(N);
  const overlaps = new Float32Array(N * G);
  const best = new Float32Array(G);
  for (let n = 0; n < N; n++) {
    let most = -1;
    for (let g = 0; g < G; g++) {
      const value = overlap(objects, g, boxes, n);
      overlaps[n * G + g] = value;
      if (value > best[g]) best[g] = value;
      if (value > most) [most, nearest[n]] = [value, g];
    }
    if (G > 0 && most >= above) matches[n] = nearest[n];
    else if (G > 0 && most >= below) matches[n] = UNCLEAR;
  }
  if (rule.everyObject)
    for (let n = 0; n < N; n++)
      for (let g = 0; g < G; g++) if (best[g] > 0 && overlaps[n * G + g] === best[g]) matches[n] = nearest[n];
  for (let n = 0; n < N; n++)
    for (let i = 0; i < I && matches[n] === BACKGROUND; i++)
      if (shareInside(boxes, n, ignored, i) >= MOSTLY_IGNORED) matches[n] = UNCLEAR;
  return matches;
}

/** How many boxes of an image are learned from, and the largest share of them that find an object. */
export interface SampleRule {
  count: number;
  objects: number;
}

/** Whether each box overlaps one of `others` by half or more. */
export function overlapping(boxes: Boxes, others: Boxes): boolean[] {
  const [N, K] = [boxes.length / 4, others.length / 4];
  return Array.from({ length: N }, (_, n) => {
    for (let k = 0; k < K; k++) if (overlap(others, k, boxes, n) >= 0.5) return true;
    return false;
  });
}

/**
 * The numbers of the boxes that are learned from, ascending: those of objects, and background to fill up, first of all
 * that of which `wanted` says so.
 */
export function sampleBoxes(
  matches: Int32Array,
  { count, objects }: SampleRule,
  random: Random,
  wanted: readonly boolean[] = [],
): { found: number[]; empty: number[] } {
  const ofObjects: number[] = [];
  const background: number[] = [];
  const first: number[] = [];
  for (const [n, match] of matches.entries())
    if (match >= 0) ofObjects.push(n);
    else if (match === BACKGROUND) (wanted[n] ? first : background).push(n);
  const some = (numbers: number[], most: number) =>
    numbers.length <= most
      ? numbers
      : random
          .sample(numbers.length, most)
          .map((i) => numbers[i])
          .sort((a, b) => a - b);
  const found = some(ofObjects, Math.floor(count * objects));
  const sure = some(first, count - found.length);
  const rest = some(background, count - found.length - sure.length);
  return { found, empty: sure.length === 0 ? rest : [...sure, ...rest].sort((a, b) => a - b) };
}
