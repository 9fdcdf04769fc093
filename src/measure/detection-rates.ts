/** What a matching says to who searches the sky: completeness at stated rates of false alarms, and by what objects are. */
import type { BoxPx, Detection } from "../contract/detection.ts";
import type { MatchedDetection, Matching } from "./detection.ts";
import { wilsonInterval } from "./ranking.ts";

/** A share of `hits` in `tries` with Wilson's 95 % interval. */
export interface Share {
  hits: number;
  tries: number;
  share: number;
  interval: [number, number];
}

/** A share with its interval; NaN of none. */
export const shareOf = (hits: number, tries: number): Share => ({
  hits,
  tries,
  share: tries === 0 ? Number.NaN : hits / tries,
  interval: wilsonInterval(hits, tries),
});

/** Completeness at one rate of false alarms. */
export interface FrocPoint {
  /** False alarms a field that were allowed. */
  rate: number;
  /** Lowest score that is taken; infinite where even the highest would bring too many. */
  score: number;
  falseAlarms: number;
  completeness: Share;
}

/**
 * Completeness at rates of false alarms a field (FROC): detections are taken from the highest score down, those of one
 * score together, as long as false alarms stay within rate * fields. Nothing is interpolated.
 */
export function froc({ matched, wanted }: Matching, rates: number[]): FrocPoint[] {
  const objects = wanted.reduce((sum, one) => sum + one.length, 0);
  const judged = matched.filter(({ ignored }) => !ignored);
  return rates.map((rate) => {
    const allowed = rate * wanted.length + 1e-9;
    let point = { score: Number.POSITIVE_INFINITY, falseAlarms: 0, hits: 0 };
    let [hits, falseAlarms] = [0, 0];
    for (const [i, { truth, detection }] of judged.entries()) {
      if (truth >= 0) hits++;
      else falseAlarms++;
      if (falseAlarms > allowed) break;
      if (judged[i + 1]?.detection.score !== detection.score) point = { score: detection.score, falseAlarms, hits };
    }
    const { score } = point;
    return { rate, score, falseAlarms: point.falseAlarms, completeness: shareOf(point.hits, objects) };
  });
}

/** Purity and completeness of the detections with at least this score. */
export function atThreshold({ matched, wanted }: Matching, score: number): { purity: Share; completeness: Share } {
  const taken = matched.filter(({ detection, ignored }) => !ignored && detection.score >= score);
  const hits = taken.filter(({ truth }) => truth >= 0).length;
  const objects = wanted.reduce((sum, one) => sum + one.length, 0);
  return { purity: shareOf(hits, taken.length), completeness: shareOf(hits, objects) };
}

/** Completeness of the objects whose value lies in [from, to). */
export interface Bin extends Share {
  from: number;
  to: number;
}

/**
 * Completeness by a value of the objects, in bins between `edges`, of the detections with at least this score. `valueFor`
 * gives the value of a field's truth, or NaN where it has none.
 */
export function completenessBy(
  { matched, wanted }: Matching,
  score: number,
  edges: number[],
  valueFor: (field: number, truth: number) => number,
): Bin[] {
  const found = new Set(
    matched
      .filter((one) => one.truth >= 0 && one.detection.score >= score)
      .map(({ field, truth }) => `${field} ${truth}`),
  );
  const counts = edges.slice(1).map(() => [0, 0]);
  for (const [field, truths] of wanted.entries())
    for (const truth of truths) {
      const value = valueFor(field, truth);
      const bin = edges.findIndex((edge, i) => value >= edge && value < edges[i + 1]);
      if (bin < 0) continue;
      counts[bin][1]++;
      if (found.has(`${field} ${truth}`)) counts[bin][0]++;
    }
  return counts.map(([hits, tries], i) => ({ from: edges[i], to: edges[i + 1], ...shareOf(hits, tries) }));
}

/** A share as tables print it, with its interval; `-` of fewer than 5. */
export function shownShare({ share, tries, interval }: Share): string {
  return tries < 5 ? "-" : `${share.toFixed(2)} [${interval.map((end) => end.toFixed(2)).join(", ")}]`;
}

/** How places are matched: within which distance; what lies in the regions `elsewhere`, a list a field, is not judged. */
export interface NearestOptions {
  nearPx: number;
  elsewhere?: BoxPx[][];
}

/**
 * Matches detections of any class to the nearest free object by the middles of their boxes, the highest score first; truth is a
 * list a field.
 */
export function matchNearest(
  detections: Detection[][],
  truths: BoxPx[][],
  { nearPx, elsewhere }: NearestOptions,
): Matching {
  const middle = ({ x1, x2, y1, y2 }: BoxPx) => [(x1 + x2) / 2, (y1 + y2) / 2];
  const matched = detections.flatMap((found, field) => {
    const places = truths[field].map(middle);
    const taken = new Set<number>();
    return [...found]
      .sort((a, b) => b.score - a.score)
      .map((detection): MatchedDetection => {
        const [x, y] = middle(detection);
        let [truth, nearest] = [-1, nearPx];
        for (const [i, [tx, ty]] of places.entries()) {
          const distance = Math.hypot(tx - x, ty - y);
          if (distance <= nearest && !taken.has(i)) [truth, nearest] = [i, distance];
        }
        if (truth >= 0) taken.add(truth);
        const outside = (elsewhere?.[field] ?? []).some(({ x1, x2, y1, y2 }) => x >= x1 && x < x2 && y >= y1 && y < y2);
        return { field, detection, truth, ignored: truth < 0 && outside };
      });
  });
  return {
    matched: matched.sort((a, b) => b.detection.score - a.detection.score),
    wanted: truths.map((all) => [...all.keys()]),
  };
}
