/**
 * Whether tiles leave seams: the same wide fields searched in tiles, in tiles of a grid that begins elsewhere, and in one piece.
 *
 * Command: bin/skyloop recipe seams [--detector lens-nano] [--scenes 20] [--size 1024] [--tile N] [--shift 100]
 *          [--work runs/seams] [--threads 2]
 * Time: 4 minutes on two cores without GPU.
 * Expected: aimed at are AP50 within 0.01 and counts within 2 % where the grid is moved, which hold, and scores within 0.001 of one
 * piece for what lies 32 px and more from every border of the image, which 370 of 500 have (docs/detection.md).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT, terminalProgress } from "../src/base/progress.ts";
import type { Detection } from "../src/contract/detection.ts";
import type { Found } from "../src/detect/found.ts";
import { findInImage, type Tiling } from "../src/detect/run.ts";
import { openWide } from "../src/detect/wide-image.ts";
import { apOf, matchDetections } from "../src/measure/detection.ts";
import { overlapOf } from "../src/measure/overlap.ts";
import { releasedWeights } from "../src/models/index.ts";
import { readFields } from "../src/survey/annotations.ts";
import { simulateScenes } from "../src/survey/simulate/scenes.ts";
import { loadDetector } from "../src/tasks/detect/detector.ts";
import { findWithModel, fitImage, tilesFor } from "../src/tasks/detect/find.ts";
import { setThreads } from "../src/torch/index.ts";
import { markdown } from "./common/tables.ts";

const { values: flags } = parseArgs({
  options: {
    detector: { type: "string", default: "lens-nano" },
    scenes: { type: "string", default: "20" },
    size: { type: "string", default: "1024" },
    tile: { type: "string" },
    shift: { type: "string", default: "100" },
    work: { type: "string", default: "runs/seams" },
    threads: { type: "string", default: "2" },
  },
});
setThreads(Number(flags.threads));
const [sizePx, startPx] = [flags.size, flags.shift].map(Number);
const tilePx = flags.tile === undefined ? undefined : Number(flags.tile);
/** What is counted, and what enters the average precision. */
const [SURE, LEAST] = [0.3, 0.02];
const BORDER_PX = 32;

const folder = join(flags.work, `fields-${flags.scenes}-${sizePx}`);
if (!existsSync(join(folder, "annotations.json")))
  await simulateScenes(folder, {
    scenes: Number(flags.scenes),
    seed: 21,
    sizePx,
    progress: terminalProgress("simulating", "fields"),
    command: "recipe seams",
  });
const { fields } = await readFields(folder, { classes: ["lens"], decodeImages: false });
const { model, details } = loadDetector(existsSync(flags.detector) ? flags.detector : releasedWeights(flags.detector));
const ways: [name: string, tiling: (usual: Tiling) => Tiling][] = [
  ["one piece", ({ overlapPx }) => ({ tilePx: sizePx, overlapPx })],
  [tilePx === undefined ? "tiles" : `tiles of ${tilePx} px`, (usual) => usual],
  [`the same, the grid moved by ${startPx} px`, (usual) => ({ ...usual, startPx })],
];
const found: Found[][][] = ways.map(() => []);
const progress = terminalProgress("searching", "fields");
for (const [i, { path }] of fields.entries()) {
  const image = await openWide(path, null, 64);
  const fitting = fitImage(image, details, { rescale: false });
  const find = findWithModel(model, details, fitting, LEAST);
  for (const [way, [, tiling]] of ways.entries()) {
    const { found: one } = await findInImage(image, find, tiling(tilesFor(details, fitting, { tilePx })), SILENT);
    found[way].push(one);
  }
  image.close();
  progress.update(i + 1, fields.length);
}
progress.end();
model.dispose();

const overlap = (a: Detection, b: Detection) => overlapOf(a, b, "box");
const isInside = ({ x1, y1, x2, y2 }: Detection) =>
  Math.min(x1, y1) >= BORDER_PX && Math.max(x2, y2) <= sizePx - BORDER_PX;
const [whole] = found;
const rows = ways.map(([name], way) => {
  const ap = apOf(matchDetections(found[way], fields, { class: "lens" })) ?? Number.NaN;
  const count = found[way].flat().filter(({ score }) => score >= SURE).length;
  // What is surely there in one piece, away from the image's border: how it is found otherwise.
  const differences = whole.flatMap((list, field) =>
    list
      .filter((one) => one.score >= SURE && isInside(one))
      .map((one) => {
        const same = found[way][field].reduce<Found | null>(
          (best, other) => (overlap(one, other) > Math.max(0.5, best === null ? 0 : overlap(one, best)) ? other : best),
          null,
        );
        return same === null ? 1 : Math.abs(same.score - one.score);
      }),
  );
  const within = (most: number) => differences.filter((one) => one <= most).length;
  const sorted = differences.toSorted((a, b) => a - b);
  return [
    name,
    ap.toFixed(4),
    String(count),
    `${within(1e-3)} / ${within(0.02)} of ${differences.length}`,
    (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(4),
    (sorted[sorted.length - 1] ?? 0).toFixed(3),
  ];
});
const header = [
  `${fields.length} simulated fields of ${sizePx} px`,
  "box AP50",
  `detections above ${SURE}`,
  "scores within 0.001 / 0.02 of one piece",
  "median difference",
  "largest",
];
process.stdout.write(`${markdown(header, rows)}\n`);
