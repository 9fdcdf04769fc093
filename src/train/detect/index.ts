/** `skyloop train detect`: fields from disk, a detector learned from them, and what it can do on those held back. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import type { Detection, Field, Verdicts } from "../../contract/detection.ts";
import { apOf, cocoFigures, type MatchedDetection, matchDetections } from "../../measure/detection.ts";
import { atThreshold, froc } from "../../measure/detection-rates.ts";
import { fieldFlux, fieldPixels } from "../../stamps/field-pixels.ts";
import { readFieldFolders } from "../../survey/annotations.ts";
import { fieldScale } from "../../survey/field-scale.ts";
import { lensBank } from "../../survey/simulate/lens-bank.ts";
import { loadDetector } from "../../tasks/detect/detector.ts";
import { openFieldSet, splitFields } from "./data.ts";
import { checkPainting } from "./painted.ts";
import { openTaught } from "./taught.ts";
import {
  DEFAULT_DETECT,
  type DetectResult,
  type DetectSettings,
  type FieldScores,
  trainDetector,
} from "./train-detect.ts";

/** Where a run is written, which classes it finds, on which backbone; settings other than the default ones. */
export interface TrainDetectOptions extends Partial<DetectSettings> {
  out: string;
  /** Classes to find; all that are annotated unless given. Objects of the others are background. */
  classes?: string[];
  backbone: string;
  weights?: string;
  scratch: boolean;
  /** A detector to go on from: backbone, width, windows and classes are its own. */
  from?: string;
  /** What people said of detections, and the share of the crops that shows it. */
  also?: readonly Verdicts[];
  alsoShare?: number;
  /** So many simulated lenses are painted into the crops, other ones in other places each time. */
  paint?: number;
  channels: number;
  windowsPx: number;
  /** Images are shown to the network so many times as large. */
  enlarge?: number;
  command: string;
  reading: Progress;
  progress: Progress;
  signal?: AbortSignal;
}

/**
 * Trains a detector on folders of fields, all of the bands and the unit of the first or pictures. What could not be read is in `problems.json`. Null where `signal` stopped it.
 * Throws ANNOTATIONS_MISSING, ANNOTATIONS_BROKEN, CLASS_MISSING, TOO_FEW_FIELDS, and what `trainDetector` throws.
 */
export async function trainDetect(folders: readonly string[], asked: TrainDetectOptions): Promise<DetectResult | null> {
  const options = asked.from === undefined ? asked : asDetector(asked, asked.from);
  const { out, channels, windowsPx, enlarge = 1, reading } = options;
  const given = Object.entries(options).filter(([name, value]) => name in DEFAULT_DETECT && value !== undefined);
  const settings = { ...DEFAULT_DETECT, ...Object.fromEntries(given) } as DetectSettings;
  settings.warmupSteps = Math.min(settings.warmupSteps, Math.ceil(settings.steps / 10));
  if (!Number.isInteger(channels) || channels < 8 || channels % 8 !== 0)
    throw new SkyloopError("BAD_OPTION", `--channels is a multiple of 8, not ${channels}`);
  if (!Number.isInteger(windowsPx) || windowsPx < 32 || windowsPx % 32 !== 0)
    throw new SkyloopError("BAD_OPTION", `--windows is a multiple of 32 px, not ${windowsPx}`);
  if (!Number.isInteger(enlarge) || enlarge < 1 || enlarge > 4)
    throw new SkyloopError("BAD_OPTION", `--enlarge is 1, 2, 3 or 4, not ${enlarge}`);
  const { fields, classes, problems } = await readFieldFolders(folders, {
    classes: options.classes,
    progress: reading,
  });
  mkdirSync(out, { recursive: true });
  writeFileAtomic(join(out, "problems.json"), `${JSON.stringify(problems, null, 2)}\n`);
  const split = splitFields(fields, settings.seed);
  const larger = enlarge === 1 ? {} : { enlarge };
  const details = {
    channels,
    windowsPx,
    ...larger,
    classes,
    ...imagesOf(fields),
    largestObjectPx: largestOf(fields, classes),
  };
  const { paint } = options;
  if (paint !== undefined) checkPainting(paint, classes, details.bands, details.unit);
  const data = await openFieldSet(out, fields, split, fieldPixels, reading);
  if (paint !== undefined)
    data.bank = await lensBank(paint, settings.seed, { onLens: (done) => reading.update(done, paint) });
  if (options.also !== undefined && options.also.length > 0)
    data.taught = await openTaught(
      out,
      options.also,
      details,
      settings.sizePx,
      options.alsoShare ?? ALSO_SHARE,
      reading,
    );
  return trainDetector({
    ...options,
    data,
    settings,
    details,
    judge: (detections, judged) => scoresOf(detections, judged, classes),
  });
}

/** Crops that show what people said, as a share of all. */
const ALSO_SHARE = 0.5;
/** What learned already forgets at the rate of what is new. */
const FURTHER_RATE = 2e-4;

/** Options for going on from a detector. Throws BAD_HEAD. */
function asDetector(options: TrainDetectOptions, path: string): TrainDetectOptions {
  const { model, backbone, details } = loadDetector(path);
  model.dispose();
  const { channels, windowsPx, classes, enlarge } = details;
  return {
    ...options,
    backbone,
    channels,
    windowsPx,
    enlarge,
    classes,
    learningRate: options.learningRate ?? FURTHER_RATE,
  };
}

/**
 * Bands, unit and scale of the images: those of flux where there is any, by the first of each folder. Throws BAD_OPTION where
 * folders differ.
 */
function imagesOf(fields: readonly Field[]): { bands: string[]; unit: string; pixelScaleArcsec: number | null } {
  const firsts = new Map<string, Field>();
  for (const field of fields) if (!firsts.has(dirname(field.path))) firsts.set(dirname(field.path), field);
  const found = [...firsts].map(([folder, field]) => {
    const flux = fieldFlux(field);
    const images = { bands: flux?.bands ?? [], unit: flux?.unit ?? "picture", pixelScaleArcsec: fieldScale(field) };
    return { folder, images, kind: flux === null ? null : `${images.bands.join(", ")} in ${images.unit}` };
  });
  const [first, ...others] = found.filter(({ kind }) => kind !== null);
  const other = others.find(({ kind }) => kind !== first.kind);
  if (other !== undefined)
    throw new SkyloopError(
      "BAD_OPTION",
      `${first.folder} holds ${first.kind}, ${other.folder} ${other.kind}; a detector learns from images of one kind: train one for each`,
    );
  return (first ?? found[0]).images;
}

/** The longest side of an object that is to be found. */
function largestOf(fields: readonly Field[], classes: readonly string[]): number {
  const sides = fields.flatMap(({ truths }) =>
    truths.flatMap((truth) =>
      truth.ignore || !classes.includes(truth.class) ? [] : [Math.max(truth.x2 - truth.x1, truth.y2 - truth.y1)],
    ),
  );
  return Math.ceil(sides.reduce((largest, side) => Math.max(largest, side), 1));
}

const mean = (values: (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
};

/** The score from which on hits and false alarms weigh up best (the largest F1). */
function bestThreshold(matched: readonly MatchedDetection[], wanted: number): number {
  let [hits, taken, best, threshold] = [0, 0, 0, 0.5];
  for (const { truth, detection, ignored } of matched) {
    if (ignored) continue;
    taken++;
    if (truth >= 0) hits++;
    const value = (2 * hits) / (taken + wanted);
    if (value > best) [best, threshold] = [value, detection.score];
  }
  return threshold;
}

/** Figures of what was found in fields, meaned over the classes. */
function scoresOf(detections: Detection[][], fields: Field[], classes: readonly string[]): FieldScores {
  const matchings = classes.map((name) => matchDetections(detections, fields, { class: name }));
  const figures = (kind: "box" | "mask") =>
    classes.map((name) => cocoFigures(detections, fields, { class: name, kind }));
  const [boxes, masks] = [figures("box"), figures("mask")];
  const matched = matchings.flatMap((one) => one.matched).sort((a, b) => b.detection.score - a.detection.score);
  const wanted = matchings.flatMap((one) => one.wanted.flat()).length;
  const threshold = Number(bestThreshold(matched, wanted).toFixed(3));
  const shares = matchings.map((one) => atThreshold(one, threshold));
  const number = (value: number) => (Number.isFinite(value) ? value : null);
  const rates = [0.01, 0.1, 1];
  const completeness = rates.map((rate, i): [string, number | null] => [
    `completeness at ${rate} false alarms a field`,
    mean(matchings.map((one) => number(froc(one, rates)[i].completeness.share))),
  ]);
  return {
    ap50: mean(matchings.map(apOf)),
    threshold,
    figures: {
      "box AP50": mean(boxes.map(({ ap50 }) => ap50)),
      "box AP": mean(boxes.map(({ ap }) => ap)),
      "mask AP50": mean(masks.map(({ ap50 }) => ap50)),
      "mask AP": mean(masks.map(({ ap }) => ap)),
      purity: mean(shares.map(({ purity }) => number(purity.share))),
      completeness: mean(shares.map((one) => number(one.completeness.share))),
      ...Object.fromEntries(completeness),
    },
  };
}
