/**
 * Average precision of detections by COCO's rules (pycocotools' COCOeval): greedy by score, 101 recall points, at most
 * 100 detections a field; boxes or masks.
 */
import { SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { Detection, Truth } from "../contract/detection.ts";
import { areaOf, type OverlapKind, overlapOf } from "./overlap.ts";

/** IoU thresholds of AP[.5:.95]. */
const THRESHOLDS = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);
const RECALLS = 101;
const MOST_A_FIELD = 100;

/** COCO's ranges of areas in px, and all. */
const AREAS = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const;

/** What is measured against: the truth of one field. */
export type Judged = { truths: Truth[] };

/** One found object after matching: in which field, and which of its truths it hit, if any. */
export interface MatchedDetection {
  field: number;
  detection: Detection;
  /** Index among the field's truths; -1 where it hit none. */
  truth: number;
  /** Neither hit nor false alarm. */
  ignored: boolean;
}

/** All detections of a class with what they hit, highest score first, and the objects there were to find. */
export interface Matching {
  matched: MatchedDetection[];
  /** By field: indices of the objects that count among its truths. */
  wanted: number[][];
}

/** How detections are matched: which class, what is compared, from which overlap on; objects of other areas do not count. */
export interface MatchOptions {
  class: string;
  kind?: OverlapKind;
  threshold?: number;
  area?: readonly [number, number];
}

/** One field's detections and truths of a class, ready for any threshold. */
interface Prepared {
  field: number;
  /** Highest score first, at most 100. */
  detections: Detection[];
  /** Indices among the field's truths. */
  truths: number[];
  /** [detections, truths]. */
  overlaps: Float64Array;
  ignored: boolean[];
  foundAreas: number[];
  truthAreas: number[];
}

function prepare(detections: Detection[][], fields: Judged[], name: string, kind: OverlapKind): Prepared[] {
  if (detections.length !== fields.length)
    throw new SkyloopError("BAD_MEASURE", `${detections.length} lists of detections for ${fields.length} fields`);
  return fields.map(({ truths: all }, field) => {
    const own = detections[field].filter((one) => one.class === name);
    for (const { score } of own)
      if (Number.isNaN(score)) throw new SkyloopError("BAD_MEASURE", `a detection of field ${field} has the score NaN`);
    const found = own.sort((a, b) => b.score - a.score).slice(0, MOST_A_FIELD);
    const truths = all.flatMap((truth, i) => (truth.class === name ? [i] : []));
    const overlaps = new Float64Array(found.length * truths.length);
    for (const [d, one] of found.entries())
      for (const [g, i] of truths.entries()) overlaps[d * truths.length + g] = overlapOf(one, all[i], kind);
    return {
      field,
      detections: found,
      truths,
      overlaps,
      ignored: truths.map((i) => all[i].ignore),
      foundAreas: found.map((one) => areaOf(one, kind)),
      // An object's area is its mask's, whatever is compared, as in COCO's annotations.
      truthAreas: truths.map((i) => areaOf(all[i], "mask")),
    };
  });
}

/** COCO's greedy matching of one field: each detection takes the free truth of largest overlap, those that count first. */
function matchField(one: Prepared, threshold: number, [least, most]: readonly [number, number]): MatchedDetection[] {
  const { detections, truths, overlaps, ignored, foundAreas, truthAreas } = one;
  const passes = truths.map((_, g) => ignored[g] || truthAreas[g] < least || truthAreas[g] > most);
  const order = [...truths.keys()].sort((a, b) => Number(passes[a]) - Number(passes[b]));
  const taken = new Uint8Array(truths.length);
  return detections.map((detection, d) => {
    let [best, hit] = [Math.min(threshold, 1 - 1e-10), -1];
    for (const g of order) {
      if (taken[g] === 1 && !ignored[g]) continue;
      if (hit >= 0 && !passes[hit] && passes[g]) break;
      const overlap = overlaps[d * truths.length + g];
      if (overlap < best) continue;
      [best, hit] = [overlap, g];
    }
    if (hit >= 0) taken[hit] = 1;
    const outside = foundAreas[d] < least || foundAreas[d] > most;
    return {
      field: one.field,
      detection,
      truth: hit < 0 ? -1 : truths[hit],
      ignored: hit < 0 ? outside : passes[hit],
    };
  });
}

function matchAll(prepared: Prepared[], threshold: number, area: readonly [number, number]): Matching {
  const matched = prepared.flatMap((one) => matchField(one, threshold, area));
  return {
    matched: matched.sort((a, b) => b.detection.score - a.detection.score),
    wanted: prepared.map(({ truths, ignored, truthAreas }) =>
      truths.filter((_, g) => !(ignored[g] || truthAreas[g] < area[0] || truthAreas[g] > area[1])),
    ),
  };
}

/**
 * Matches detections to truth, a list a field. Throws BAD_MEASURE for scores that are no numbers, and for lists of
 * different lengths.
 */
export function matchDetections(detections: Detection[][], fields: Judged[], options: MatchOptions): Matching {
  const prepared = prepare(detections, fields, options.class, options.kind ?? "box");
  return matchAll(prepared, options.threshold ?? 0.5, options.area ?? AREAS.all);
}

/** Precision over 101 recall points, and the recall of all detections; null where there was nothing to find. */
function averagePrecision(hits: boolean[], wanted: number): { precision: number; recall: number } | null {
  if (wanted === 0) return null;
  const [recalls, precisions] = [new Float64Array(hits.length), new Float64Array(hits.length)];
  let found = 0;
  for (const [i, hit] of hits.entries()) {
    if (hit) found++;
    recalls[i] = found / wanted;
    precisions[i] = found / (i + 1);
  }
  for (let i = hits.length - 2; i >= 0; i--) precisions[i] = Math.max(precisions[i], precisions[i + 1]);
  let [sum, at] = [0, 0];
  for (let point = 0; point < RECALLS; point++) {
    // As numpy's linspace has them: 0.35 is a bit more than 7 of 20.
    const recall = point === RECALLS - 1 ? 1 : point * 0.01;
    while (at < hits.length && recalls[at] < recall) at++;
    if (at < hits.length) sum += precisions[at];
  }
  return { precision: sum / RECALLS, recall: found / wanted };
}

const countOf = ({ wanted }: Matching) => wanted.reduce((sum, one) => sum + one.length, 0);
const hitsOf = ({ matched }: Matching) => matched.filter(({ ignored }) => !ignored).map(({ truth }) => truth >= 0);

/** COCO's figures of one class, in [0, 1]; null where there was nothing to find. */
export interface CocoFigures {
  /** Mean of the average precisions at IoU 0.5, 0.55, … 0.95. */
  ap: number | null;
  ap50: number | null;
  ap75: number | null;
  apSmall: number | null;
  apMedium: number | null;
  apLarge: number | null;
  /** Mean recall over the thresholds, with 100 detections a field. */
  recall: number | null;
}

const mean = (values: (number | null)[]): number | null => {
  const kept = values.filter((value) => value !== null);
  return kept.length === 0 ? null : kept.reduce((sum, value) => sum + value, 0) / kept.length;
};

/** COCO's figures of one class, by boxes or masks. Throws BAD_MEASURE. */
export function cocoFigures(
  detections: Detection[][],
  fields: Judged[],
  { class: name, kind = "box" }: { class: string; kind?: OverlapKind },
): CocoFigures {
  const prepared = prepare(detections, fields, name, kind);
  const over = (area: readonly [number, number]) =>
    THRESHOLDS.map((threshold) => {
      const matching = matchAll(prepared, threshold, area);
      return averagePrecision(hitsOf(matching), countOf(matching));
    });
  const all = over(AREAS.all);
  const ap = (list: ReturnType<typeof over>) => mean(list.map((one) => one?.precision ?? null));
  return {
    ap: ap(all),
    ap50: all[0]?.precision ?? null,
    ap75: all[5]?.precision ?? null,
    apSmall: ap(over(AREAS.small)),
    apMedium: ap(over(AREAS.medium)),
    apLarge: ap(over(AREAS.large)),
    recall: mean(all.map((one) => one?.recall ?? null)),
  };
}

/** Average precision of a matching; null where there was nothing to find. */
export const apOf = (matching: Matching): number | null =>
  averagePrecision(hitsOf(matching), countOf(matching))?.precision ?? null;

/** Standard deviation of a matching's average precision over `rounds` draws of as many fields, with repeats. */
export function bootstrapAp(matching: Matching, rounds: number, seed: number): number {
  const random = new Random(seed);
  const fields = matching.wanted.length;
  const judged = matching.matched.filter(({ ignored }) => !ignored);
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const times = new Int32Array(fields);
    for (let i = 0; i < fields; i++) times[random.int(fields)]++;
    const hits: boolean[] = [];
    for (const { field, truth } of judged) for (let i = 0; i < times[field]; i++) hits.push(truth >= 0);
    const wanted = matching.wanted.reduce((sum, one, field) => sum + times[field] * one.length, 0);
    const found = averagePrecision(hits, wanted);
    if (found !== null) values.push(found.precision);
  }
  const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, values.length - 1));
}
