/**
 * A detector taught by verdicts: how far the scores of rejected galaxies fall, and what it costs elsewhere.
 *
 * Command: bin/skyloop recipe teach [--work runs/teach] [--scenes 400] [--looked 160] [--steps 200] [--seeds 3]
 *          [--threads 2]
 * Time: about 15 minutes on two free cores without GPU; what was computed is kept in --work.
 * Expected: aimed at is that rejected spirals fall by 0.3 and AP50 of the validation fields by no more than 0.01; with
 * --scenes 200 all rejected fell by 0.31 +- 0.02 (0.13 without the verdicts), eight spirals among them by 0.28 +- 0.04 (0.21), and
 * AP50 changed by 0.00 +- 0.06. The fields are among those that lens-nano learned from.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT, terminalProgress } from "../src/base/progress.ts";
import type { Detection, Verdicts } from "../src/contract/detection.ts";
import { apOf, matchDetections } from "../src/measure/detection.ts";
import { releasedWeights } from "../src/models/index.ts";
import { batchImages } from "../src/models/mask-rcnn/index.ts";
import { fieldPixels } from "../src/stamps/field-pixels.ts";
import { readFields } from "../src/survey/annotations.ts";
import { type DetectionEntry, readDetections } from "../src/survey/detections.ts";
import { simulateScenes } from "../src/survey/simulate/scenes.ts";
import { loadDetector } from "../src/tasks/detect/detector.ts";
import { detectWithModel } from "../src/tasks/detect/model-run.ts";
import { scope, setThreads, tensor } from "../src/torch/index.ts";
import { splitFields } from "../src/train/detect/data.ts";
import { trainDetect } from "../src/train/detect/index.ts";
import { lensesAmong } from "./common/judge.ts";
import { markdown, shown, spread } from "./common/tables.ts";

const { values } = parseArgs({
  options: {
    work: { type: "string", default: "runs/teach" },
    scenes: { type: "string", default: "400" },
    looked: { type: "string", default: "160" },
    steps: { type: "string", default: "200" },
    seeds: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
  },
});
const { work } = values;
setThreads(Number(values.threads));
mkdirSync(work, { recursive: true });
const model = releasedWeights("lens-nano");

async function fieldsOf(name: string, scenes: number, seed: number): Promise<string> {
  const folder = join(work, name);
  const progress = terminalProgress(name, "fields");
  if (!existsSync(join(folder, "annotations.json")))
    await simulateScenes(folder, { scenes, seed, sizePx: 256, progress, command: "recipe teach" });
  return folder;
}

/** Kinds of the galaxies that no lens is, with where they stand, by field. */
function truthsOf(folder: string): Map<string, { x: number; y: number; kind: string }[]> {
  const { images, annotations } = JSON.parse(readFileSync(join(folder, "annotations.json"), "utf8")) as {
    images: { id: number; file_name: string }[];
    annotations: { image_id: number; bbox: [number, number, number, number]; attributes?: { kind?: string } }[];
  };
  return new Map(
    images.map(({ id, file_name }) => [
      file_name.replace(/^images\/|\.fits$/g, ""),
      annotations
        .filter((one) => one.image_id === id)
        .map(({ bbox: [x, y, w, h], attributes }) => ({ x: x + w / 2, y: y + h / 2, kind: attributes?.kind ?? "" })),
    ]),
  );
}

/** A person who knows the truth looks through all candidates above 0.3 of so many fields. */
async function looked(): Promise<{ verdicts: Verdicts; rejected: DetectionEntry[]; folder: string }> {
  const folder = await fieldsOf("looked-at", Number(values.looked), 9);
  const { fields } = await readFields(folder, { classes: ["lens"], decodeImages: false });
  const out = join(work, "found");
  if (!existsSync(join(out, "survey.json")))
    await detectWithModel(
      fields.map(({ path }) => path),
      {
        model,
        out,
        threshold: 0.3,
        bands: null,
        stampPx: 64,
        overlaps: false,
        rescale: false,
        command: "recipe teach",
        progress: () => SILENT,
      },
    );
  const entries = readDetections(out);
  const labels: Verdicts["labels"] = {};
  for (const [{ id }, isLens] of lensesAmong(entries, fields, 0.3)) labels[id] = isLens ? "positive" : "negative";
  const rejected = entries.filter(({ id }) => labels[id] === "negative");
  return { verdicts: { folder: out, labels, boxes: {} }, rejected, folder };
}

/** Highest score that a detector gives near each of some candidates, and its AP50 on validation fields. */
async function judge(path: string, rejected: DetectionEntry[], folder: string, validation: string, seed: number) {
  const { model: network } = loadDetector(path);
  const found = async (field: { path: string; width: number; height: number }) => {
    const pixels = await fieldPixels(field);
    return scope(() => network.detect(batchImages([tensor(pixels, [3, field.height, field.width])]))[0]);
  };
  try {
    const looked = (await readFields(folder, { decodeImages: false })).fields;
    const near = new Map<string, Detection[]>();
    for (const field of looked) near.set(field.id, await found(field));
    const scores = rejected.map((entry) => {
      const [x, y] = [entry.bbox[0] + entry.bbox[2] / 2, entry.bbox[1] + entry.bbox[3] / 2];
      const own = (near.get(entry.image) ?? []).filter(
        (one) => Math.hypot((one.x1 + one.x2) / 2 - x, (one.y1 + one.y2) / 2 - y) < 8,
      );
      return own.reduce((best, { score }) => Math.max(best, score), 0);
    });
    const { fields } = await readFields(validation, { classes: ["lens"], decodeImages: false });
    const held = splitFields(fields, seed).validation.map((i) => fields[i]);
    const detections: Detection[][] = [];
    for (const field of held) detections.push(await found(field));
    return { scores, ap50: apOf(matchDetections(detections, held, { class: "lens" })) ?? Number.NaN };
  } finally {
    network.dispose();
  }
}

const { verdicts, rejected, folder } = await looked();
const training = await fieldsOf("fields", Number(values.scenes), 1);
const truths = truthsOf(folder);
const kindOf = ({ image, bbox: [x, y, w, h] }: DetectionEntry) =>
  (truths.get(image) ?? []).reduce(
    (best, one) => {
      const distance = Math.hypot(one.x - x - w / 2, one.y - y - h / 2);
      return distance < best.distance ? { distance, kind: one.kind } : best;
    },
    { distance: 8, kind: "" },
  ).kind;
const isSpiral = rejected.map((entry) => /spiral/.test(kindOf(entry)));
const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;

const runs: { also: boolean; all: number; spirals: number; change: number }[] = [];
for (const also of [true, false])
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const out = join(work, `${also ? "taught" : "plain"}-${seed}`);
    if (!existsSync(join(out, "detector.safetensors"))) {
      const steps = Number(values.steps);
      const progress = terminalProgress(`${also ? "taught" : "plain"}, seed ${seed}`, "steps");
      const more = { backbone: "lvm-nano", scratch: false, channels: 64, windowsPx: 256, command: "recipe teach" };
      await trainDetect([training], {
        ...more,
        out,
        from: model,
        also: also ? [verdicts] : [],
        seed,
        steps,
        validateEvery: steps,
        reading: SILENT,
        progress,
      });
      rmSync(join(out, "fields"), { recursive: true, force: true });
    }
    const before = await judge(model, rejected, folder, training, seed);
    const after = await judge(join(out, "detector.safetensors"), rejected, folder, training, seed);
    const falls = before.scores.map((score, i) => score - after.scores[i]);
    const spirals = mean(falls.filter((_, i) => isSpiral[i]));
    runs.push({ also, all: mean(falls), spirals, change: after.ap50 - before.ap50 });
  }
const confirmed = Object.values(verdicts.labels).filter((value) => value === "positive").length;
const lines = [true, false].map((also) => {
  const own = runs.filter((run) => run.also === also);
  const column = (of: "all" | "spirals" | "change") => shown(spread(own.map((run) => run[of])), 3);
  return [also ? "with the verdicts" : "without", column("all"), column("spirals"), column("change")];
});
process.stdout.write(
  `${markdown([`${values.steps} further steps of \`lens-nano\``, "fall of rejected scores", "fall of rejected spirals", "change of validation AP50"], lines)}\n\n${rejected.length} rejected candidates (${isSpiral.filter(Boolean).length} spirals) and ${confirmed} confirmed ones above 0.3 of ${values.looked} fields; ${values.seeds} seeds, mean +- deviation.\n`,
);
