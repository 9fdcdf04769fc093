/**
 * What a lens detector that learned from simulations finds on the sky: known lenses of CFHTLS, and fields without one.
 *
 * Command: bin/skyloop recipe real-lenses [--detector lens-nano] [--data ../shared/data] [--thresholds 0.3,0.5,0.7,0.9]
 *          [--false-alarms 0.1,0.3]
 * --false-alarms: also at the scores that leave so many detections a field without a lens, which makes detectors comparable.
 * What the false alarms lie on is told as far as the guide tells it: the subject of a field, where its zoom box lies.
 * Time: a minute on two cores without GPU.
 * Expected: aimed at are 0.7 of grade A with at most 0.3 false alarms a field without a lens. Other bands (g, r, i), another
 * telescope and another rendering than the detector learned from; nothing is chosen on these pictures. The encoder's
 * pre-training, without labels, saw them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { terminalProgress } from "../src/base/progress.ts";
import type { BoxPx, Detection } from "../src/contract/detection.ts";
import { shareOf, shownShare } from "../src/measure/detection-rates.ts";
import { wilsonInterval } from "../src/measure/ranking.ts";
import { releasedWeights } from "../src/models/index.ts";
import { batchImages } from "../src/models/mask-rcnn/index.ts";
import { readTable } from "../src/survey/catalogue.ts";
import { decodePicture } from "../src/survey/folder.ts";
import { loadDetector } from "../src/tasks/detect/detector.ts";
import { scope, setThreads, tensor } from "../src/torch/index.ts";
import { markdown } from "./common/tables.ts";
import { realLenses, SCALE_ARCSEC } from "./figure-6/sets.ts";

const { values: flags } = parseArgs({
  options: {
    detector: { type: "string", default: "lens-nano" },
    data: { type: "string", default: "../shared/data" },
    thresholds: { type: "string", default: "0.3,0.5,0.7,0.9" },
    "false-alarms": { type: "string", default: "0.1,0.3" },
    threads: { type: "string", default: "2" },
  },
});
setThreads(Number(flags.threads));
/** A detection that near the known lens has found it. */
const NEAR_ARCSEC = 4;
/** Side of a pixel of CFHTLS fields, arcsec. */
const CFHTLS_SCALE = 0.187;

/** A field without a lens: what the guide says it shows, and where; null where no place is given. Pixels as the detector sees them. */
interface EmptyField {
  label: string;
  subject: string;
  box: BoxPx | null;
  pixels: Float32Array;
  sizePx: number;
}

/** Wide CFHTLS fields of the guide of Space Warps without a lens, by what they show. */
async function emptyFields(data: string): Promise<EmptyField[]> {
  const folder = join(data, "lens_zoo_guide");
  const { rows } = await readTable(join(folder, "labels.csv"));
  const shown = rows.filter(
    ({ label, kind, annotated, px }) =>
      (label === "nonlens" || label === "artifact") && kind === "field" && Number(annotated) === 0 && px === "440x440",
  );
  return Promise.all(
    shown.map(async ({ file, label, subclass, box_x, box_y, box_w, box_h }) => {
      const sizePx = Math.round((440 * CFHTLS_SCALE) / SCALE_ARCSEC);
      const bytes = readFileSync(join(folder, String(file)));
      const small = await sharp(bytes).resize(sizePx, sizePx, { kernel: "lanczos3" }).png().toBuffer();
      const [x1, y1, w, h] = [box_x, box_y, box_w, box_h].map((side) => (Number(side) * sizePx) / 440);
      return {
        label: String(label),
        subject: String(subclass || label),
        box: w > 0 ? { x1, y1, x2: x1 + w, y2: y1 + h } : null,
        pixels: await decodePicture(small),
        sizePx,
      };
    }),
  );
}

const { model } = loadDetector(existsSync(flags.detector) ? flags.detector : releasedWeights(flags.detector));
const detect = (pixels: Float32Array, sizePx: number): Detection[] =>
  scope(() => model.detect(batchImages([tensor(pixels, [3, sizePx, sizePx])]))[0]);
const known = await realLenses(flags.data);
const empty = await emptyFields(flags.data);
const progress = terminalProgress("searching", "pictures");
let done = 0;
const search = <T extends { pixels: Float32Array; sizePx: number }>(pictures: T[]) =>
  pictures.map((picture) => {
    const found = detect(picture.pixels, picture.sizePx);
    progress.update(++done, known.length + empty.length);
    return { ...picture, found };
  });
const [lenses, fields] = [search(known), search(empty)];
progress.end();
model.dispose();

const isNear = ({ x1, x2, y1, y2 }: Detection, sizePx: number) =>
  Math.hypot((x1 + x2 - sizePx) / 2, (y1 + y2 - sizePx) / 2) * SCALE_ARCSEC <= NEAR_ARCSEC;
/** The least score of which at most so many detections a field without a lens are left. */
function scoreLeaving(alarms: number): number {
  const without = fields.filter(({ label }) => label === "nonlens");
  const scores = without.flatMap(({ found }) => found.map(({ score }) => score)).sort((a, b) => b - a);
  const first = scores[Math.floor(alarms * without.length + 1e-9)];
  // Ties with the first that is one too many go with it.
  const kept = lenses.flatMap(({ found }) => found.map(({ score }) => score)).filter((score) => score > (first ?? -1));
  return kept.reduce((least, score) => Math.min(least, score), 1);
}
const thresholds = [
  ...flags.thresholds.split(",").map(Number),
  ...flags["false-alarms"].split(",").map((text) => scoreLeaving(Number(text))),
];
const rows = thresholds.map((threshold) => {
  const sure = ({ score }: Detection) => score >= threshold;
  const grade = (name: string) => {
    const own = lenses.filter((lens) => lens.grade === name);
    const hits = own.filter(({ found, sizePx }) => found.some((one) => sure(one) && isNear(one, sizePx))).length;
    const interval = wilsonInterval(hits, own.length);
    return shownShare({ hits, tries: own.length, share: hits / own.length, interval });
  };
  const each = (counts: number[]) => (counts.reduce((sum, count) => sum + count, 0) / counts.length).toFixed(2);
  const alarms = (label: string) =>
    each(fields.filter((field) => field.label === label).map(({ found }) => found.filter(sure).length));
  const beside = each(
    lenses.map(({ found, sizePx }) => found.filter((one) => sure(one) && !isNear(one, sizePx)).length),
  );
  return [
    String(+threshold.toFixed(3)),
    grade("lens_A"),
    grade("lens_B"),
    beside,
    alarms("nonlens"),
    alarms("artifact"),
  ];
});
/** False alarms by what their fields show: how many, and how many of them on the subject itself, at a score. */
const subjects = [...new Set(fields.map(({ subject }) => subject))].sort();
const isOn = ({ x1, x2, y1, y2 }: Detection, box: BoxPx) => {
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2;
};
const bySubject = subjects.map((subject) => {
  const own = fields.filter((field) => field.subject === subject);
  const boxes = own.filter(({ box }) => box !== null).length;
  const cells = thresholds.flatMap((threshold) => {
    const alarms = own.map(({ found }) => found.filter(({ score }) => score >= threshold));
    const onSubject = own.flatMap(({ box }, i) => (box === null ? [] : alarms[i].filter((one) => isOn(one, box))));
    const struck = shareOf(alarms.filter((some) => some.length > 0).length, own.length);
    return [`${alarms.flat().length} (${boxes === 0 ? "-" : onSubject.length})`, shownShare(struck)];
  });
  return [`${subject} (${own.length}, ${boxes})`, ...cells];
});
const count = (label: string) => fields.filter((field) => field.label === label).length;
const header = [
  "score",
  "grade A found",
  "grade B found",
  "other detections a picture of a lens",
  `false alarms a field without a lens (${count("nonlens")})`,
  `a field with an artefact (${count("artifact")})`,
];
process.stdout.write(
  `${flags.detector} on CFHTLS (Space Warps; g, r, i pictures brought to ${SCALE_ARCSEC} arcsec a pixel; pictures of lenses of 30 arcsec, fields of ${(440 * CFHTLS_SCALE).toFixed(0)}); a lens is found by a detection within ${NEAR_ARCSEC} arcsec; Wilson's 95 % intervals.\n\n${markdown(header, rows)}\n\nFalse alarms by what the guide says of a field (fields; with its box around the subject): how many (on the subject), and the share of fields with one.\n\n${markdown(["", ...thresholds.flatMap((score) => [`at ${+score.toFixed(3)}`, "share"])], bySubject)}\n`,
);
