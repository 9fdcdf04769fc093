/**
 * Candidates of a detector, ordered again after twenty verdicts: the average precision of those that nobody looked at.
 *
 * Command: bin/skyloop recipe rerank [--data ../shared/data] [--work runs/rerank] [--seeds 20] [--verdicts 20]
 *          [--steps 450] [--threads 2]
 * Two detectors: the released one, and one that was taught by simulated fields alone in --steps steps, so that every image
 * of the sky lies off its population.
 * Time: about 10 minutes on two free cores without GPU; what was computed is kept in --work.
 * Expected: at home the average precision changes by +0.00 to -0.02; off its population a detector gains 0.02 with verdicts on
 * the first 20, and 0.03 to 0.05 with verdicts that reach further down (docs/detection.md). Of each seed one half of the
 * candidates is looked at, the other is measured.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT, terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import { type FeatureSpace, featureSpace } from "../src/loop/learn.ts";
import { learnIn, logitsOf } from "../src/loop/learn-prior.ts";
import { averagePrecision } from "../src/measure/ranking.ts";
import { releasedWeights } from "../src/models/index.ts";
import { lensPainter } from "../src/stamps/paint-lenses.ts";
import { openFeatures } from "../src/store/features.ts";
import { readFields } from "../src/survey/annotations.ts";
import { readTable } from "../src/survey/catalogue.ts";
import { type DetectionEntry, readDetections } from "../src/survey/detections.ts";
import { simulateScenes } from "../src/survey/simulate/scenes.ts";
import { detectWithModel } from "../src/tasks/detect/model-run.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { setThreads } from "../src/torch/index.ts";
import { trainDetect } from "../src/train/detect/index.ts";
import { lensesAmong } from "./common/judge.ts";
import { markdown, shown, spread } from "./common/tables.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/rerank" },
    seeds: { type: "string", default: "20" },
    verdicts: { type: "string", default: "20" },
    steps: { type: "string", default: "450" },
    threads: { type: "string", default: "2" },
  },
});
const { data, work } = values;
const [SEEDS, VERDICTS] = [Number(values.seeds), Number(values.verdicts)];
setThreads(Number(values.threads));
mkdirSync(work, { recursive: true });

/** Candidates with what they are, in the order of their survey; null: neither counts. */
interface Judged {
  entries: DetectionEntry[];
  positive: (boolean | null)[];
  features: Float32Array;
  dim: number;
}

const IN_SURVEY = { bands: null, stampPx: 64, overlaps: false, threshold: 0.02 };

/** A detector: its name in tables, how folders of its candidates begin, and its file. */
interface Finder {
  name: string;
  prefix: string;
  model: string;
}

/** What a detector finds in images, with the features that verdicts teach by. */
async function candidates(
  { prefix, model }: Finder,
  name: string,
  images: string[],
  more: { pixelScaleArcsec?: number; rescale: boolean },
) {
  const out = join(work, `${prefix}-${name}`);
  if (!existsSync(join(out, "survey.json")))
    await detectWithModel(images, {
      ...IN_SURVEY,
      ...more,
      model,
      out,
      command: "recipe rerank",
      progress: () => SILENT,
    });
  await embedSurvey(out, { model: "lvm-nano", precision: "float32", progress: terminalProgress(name, "stamps") });
  const features = openFeatures(out, "lvm-nano");
  const { dim } = features;
  return { entries: readDetections(out), features: features.matrix(), dim };
}

/** Simulated or painted fields: a candidate that COCO's rule matches with a lens at an overlap of 0.5 is one. */
async function ofFields(finder: Finder, name: string, scenes: number, seed: number, painted: boolean): Promise<Judged> {
  const folder = join(work, name);
  const onto = {
    folder: join(data, "galaxy10_decals/images"),
    seed,
    sizePx: 256,
    range: [661, 874] as [number, number],
  };
  if (!existsSync(join(folder, "annotations.json")))
    await simulateScenes(folder, {
      scenes,
      seed,
      sizePx: 256,
      onto: painted ? lensPainter(onto) : undefined,
      progress: terminalProgress(name, "fields"),
      command: "recipe rerank",
    });
  const { fields } = await readFields(folder, { classes: ["lens"], decodeImages: false });
  const scale = painted ? { pixelScaleArcsec: 0.262 } : {};
  const found = await candidates(
    finder,
    name,
    fields.map(({ path }) => path),
    { ...scale, rescale: false },
  );
  const truth = lensesAmong(found.entries, fields);
  return { ...found, positive: found.entries.map((entry) => truth.get(entry) ?? null) };
}

const [CFHTLS_SCALE, CFHTLS_PX, NEAR_ARCSEC] = [0.15, 200, 4];

/** Real lens candidates of grades A and B (CFHTLS): the best one within 4" of the middle is the lens, those farther out are none. */
async function ofCfhtls(finder: Finder): Promise<Judged> {
  const folder = join(data, "spacewarps_cfhtls");
  const { rows } = await readTable(join(folder, "labels.csv"));
  const images = rows.flatMap(({ file, label }) =>
    label === "lens_A" || label === "lens_B" ? [join(folder, String(file))] : [],
  );
  const found = await candidates(finder, "cfhtls", images, { pixelScaleArcsec: CFHTLS_SCALE, rescale: true });
  const seen = new Set<string>();
  const positive = found.entries.map(({ image, bbox: [x, y, width, height] }) => {
    const [dx, dy] = [x + width / 2 - CFHTLS_PX / 2, y + height / 2 - CFHTLS_PX / 2];
    if (Math.hypot(dx, dy) * CFHTLS_SCALE > NEAR_ARCSEC) return false;
    const again = seen.has(image);
    seen.add(image);
    return again ? null : true;
  });
  return { ...found, positive };
}

type Drawn = (pool: number[], random: Random) => number[];

/** Which candidates of the half, highest score first, get a verdict. */
const DRAWN: Record<string, Drawn> = {
  "the first of the list": (pool) => pool.slice(0, VERDICTS),
  "half of the best 60, half of the upper half": (pool, random) => {
    const best = random.sample(Math.min(60, pool.length), VERDICTS / 2);
    const first = Array.from(best, (i) => pool[i]);
    const rest = pool.slice(0, Math.floor(pool.length / 2)).filter((row) => !first.includes(row));
    return [...first, ...Array.from(random.sample(rest.length, VERDICTS / 2), (i) => rest[i])];
  },
};

interface Measured {
  before: number;
  after: number;
  oneSided: boolean;
}

function measure({ entries, positive, features, dim }: Judged, drawn: Drawn, seed: number): Measured {
  const random = new Random(seed);
  const known = random.shuffle(Uint32Array.from(entries.flatMap((_, row) => (positive[row] === null ? [] : [row]))));
  const half = known.length >> 1;
  const score = (row: number) => entries[row].score;
  const pool = Array.from(known.slice(0, half)).sort((a, b) => score(b) - score(a));
  const rest = Array.from(known.slice(half));
  const space: FeatureSpace = { ...featureSpace(features, dim), prior: logitsOf(entries.map((entry) => entry.score)) };
  const examples = drawn(pool, random).map((row) => ({ row, positive: positive[row] === true }));
  const learner = learnIn(space, examples, seed);
  try {
    const labels = rest.map((row) => Number(positive[row]));
    const kinds = new Set(examples.map((one) => one.positive));
    const after = averagePrecision(learner.scoreRows(rest), labels);
    return { before: averagePrecision(rest.map(score), labels), after, oneSided: kinds.size < 2 };
  } finally {
    learner.dispose();
  }
}

/** A detector that has seen simulated fields and nothing else. */
async function taughtBySimulations(): Promise<string> {
  const [fields, out] = [join(work, "learn-from"), join(work, `simulated-alone-${values.steps}`)];
  const file = join(out, "detector.safetensors");
  if (existsSync(join(out, "done"))) return file;
  if (!existsSync(join(fields, "annotations.json")))
    await simulateScenes(fields, {
      scenes: 300,
      seed: 1,
      sizePx: 256,
      progress: terminalProgress("to learn from", "fields"),
      command: "recipe rerank",
    });
  const steps = Number(values.steps);
  await trainDetect([fields], {
    out,
    classes: ["lens"],
    backbone: "lvm-nano",
    scratch: false,
    channels: 64,
    windowsPx: 256,
    paint: 600,
    steps,
    batchSize: 8,
    sizePx: 128,
    learningRate: 1e-3,
    seed: 1,
    validateEvery: Math.ceil(steps / 3),
    command: "recipe rerank",
    reading: SILENT,
    progress: terminalProgress("taught by simulated fields", "steps"),
  });
  writeFileSync(join(out, "done"), "");
  return file;
}

const finders: Finder[] = [
  { name: "`lens-nano`", prefix: "found", model: releasedWeights("lens-nano") },
  { name: "simulated fields alone", prefix: "alone", model: await taughtBySimulations() },
];
const sets: [finder: string, name: string, set: Judged][] = [];
for (const finder of finders) {
  const add = (name: string, set: Judged) => sets.push([finder.name, name, set]);
  add("simulated, its own population", await ofFields(finder, "own", 120, 2, false));
  if (existsSync(join(data, "galaxy10_decals/images")))
    add("painted on DESI galaxies", await ofFields(finder, "painted", 200, 2, true));
  if (existsSync(join(data, "spacewarps_cfhtls"))) add("real lenses of CFHTLS", await ofCfhtls(finder));
}

const lines = sets.flatMap(([finder, name, set]) =>
  Object.entries(DRAWN).map(([how, drawn]) => {
    const all = Array.from({ length: SEEDS }, (_, i) => measure(set, drawn, i + 1));
    const gains = spread(all.map(({ before, after }) => after - before));
    const count = set.positive.filter((one) => one !== null).length;
    return [
      finder,
      name,
      `${count}, ${set.positive.filter((one) => one === true).length} lenses`,
      how,
      shown(spread(all.map(({ before }) => before)), 3),
      shown(spread(all.map(({ after }) => after)), 3),
      `${gains.mean < 0 ? "" : "+"}${shown(gains, 3)}`,
      String(all.filter(({ oneSided }) => oneSided).length),
    ];
  }),
);
process.stdout.write(
  `${markdown(["detector", "candidates above 0.02", "count", `${VERDICTS} verdicts on`, "AP by the detector's score", "AP after the verdicts", "gain", "seeds with verdicts of one kind"], lines)}\n\n${SEEDS} seeds: mean +- deviation over halves of the candidates.\n`,
);
