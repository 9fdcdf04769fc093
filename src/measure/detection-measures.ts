/** Everything that is measured of a detector's detections of one class. */
import type { Detection, Truth } from "../contract/detection.ts";
import { apOf, bootstrapAp, type CocoFigures, cocoFigures, type Judged, matchDetections } from "./detection.ts";
import { atThreshold, type Bin, completenessBy, type FrocPoint, froc, type Share } from "./detection-rates.ts";
import { type FalseAlarms, type FieldGrounds, falseAlarmsOn } from "./false-alarms.ts";

/** False alarms a field that completeness is given at. */
const RATES = [0.01, 0.03, 0.1, 0.3, 1];
/** Of these rates the one at which false alarms are told by what they lie on, too. */
const LISTED_RATE = 0.1;
const ROUNDS = 200;

/** Values that completeness is given by where objects have them, and the ends of the bins. */
const BINS: Record<string, { title: string; edges: number[] }> = {
  einsteinRadiusArcsec: { title: "Einstein radius, arcsec", edges: [0.5, 1, 1.5, 2, 2.6] },
  sourceMagR: { title: "r magnitude of the unlensed source", edges: [21.5, 22.5, 23, 23.5, 24, 24.6] },
  snr: { title: "signal-to-noise", edges: [0, 5, 10, 20, 50, 100, 1e9] },
  magR: { title: "r magnitude", edges: [14, 18, 20, 21, 22, 23, 24, 25] },
};

/** Measures of the detections of one class. */
export interface DetectionMeasures {
  class: string;
  fields: number;
  objects: number;
  box: CocoFigures;
  /** Null where the truth has no masks. */
  mask: CocoFigures | null;
  /** Standard deviation of the boxes' AP50 over bootstrap draws of the fields. */
  ap50Error: number;
  froc: FrocPoint[];
  /** Detections with at least `threshold`. */
  threshold: number;
  purity: Share;
  completeness: Share;
  completenessBy: { title: string; bins: Bin[] }[];
  /** By what they lie on: with at least `threshold`, and at 0.1 a field; null where nothing but the class itself is known. */
  falseAlarms: FalseAlarms[] | null;
}

/** Which class is measured, the score of purity and completeness, and what its false alarms may lie on. */
export interface DetectionMeasureOptions {
  class: string;
  threshold?: number;
  grounds?: FieldGrounds[] | null;
}

/**
 * COCO's figures, completeness at rates of false alarms, and purity and completeness at a score, of one class; boxes match at
 * IoU 0.5. `grounds` is what is known of the fields beside objects of the class. Throws BAD_MEASURE.
 */
export function detectionMeasures(
  detections: Detection[][],
  fields: Judged[],
  { class: name, threshold = 0.5, grounds = null }: DetectionMeasureOptions,
): DetectionMeasures {
  const matching = matchDetections(detections, fields, { class: name });
  const truths = fields.flatMap((field) => field.truths.filter((truth) => truth.class === name));
  const masks = truths.length > 0 && truths.every(({ mask }) => mask !== undefined);
  const valueIn = (truth: Truth, key: string) =>
    typeof truth.values?.[key] === "number" ? truth.values[key] : Number.NaN;
  const rates = froc(matching, RATES);
  const listed = rates.find(({ rate }) => rate === LISTED_RATE)?.score ?? Number.POSITIVE_INFINITY;
  const known = Object.entries(BINS).filter(([key]) => truths.some((truth) => !Number.isNaN(valueIn(truth, key))));
  return {
    class: name,
    fields: fields.length,
    objects: matching.wanted.reduce((sum, one) => sum + one.length, 0),
    box: cocoFigures(detections, fields, { class: name }),
    mask: masks ? cocoFigures(detections, fields, { class: name, kind: "mask" }) : null,
    ap50Error: apOf(matching) === null ? Number.NaN : bootstrapAp(matching, ROUNDS, 1),
    froc: rates,
    threshold,
    ...atThreshold(matching, threshold),
    completenessBy: known.map(([key, { title, edges }]) => ({
      title,
      bins: completenessBy(matching, threshold, edges, (field, i) => valueIn(fields[field].truths[i], key)),
    })),
    falseAlarms: grounds === null ? null : [threshold, listed].map((score) => falseAlarmsOn(matching, grounds, score)),
  };
}
