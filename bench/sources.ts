/** Sources without a trained model beside sep: purity, completeness by magnitude, processor time, on simulated fields. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "../src/base/progress.ts";
import type { Detection, Field, Truth } from "../src/contract/detection.ts";
import { findSources } from "../src/detect/classical.ts";
import { completenessBy, matchNearest, type Share } from "../src/measure/detection-rates.ts";
import { fieldFlux } from "../src/stamps/field-pixels.ts";
import { readFields } from "../src/survey/annotations.ts";
import { simulateScenes } from "../src/survey/simulate/scenes.ts";
import { hasPeer, runPeer } from "./common.ts";

const EDGES = [18, 20, 21, 22, 23, 24, 24.4];
const NEAR_PX = 4;

/** What one program found. */
export interface SourcesResult {
  program: string;
  purity: Share;
  /** By r magnitude, between EDGES. */
  completeness: Share[];
  /** Processor milliseconds a field. */
  cpuMs: number;
}

const at = (x: number, y: number, score: number): Detection => ({
  x1: x - 1.5,
  y1: y - 1.5,
  x2: x + 2.5,
  y2: y + 2.5,
  class: "source",
  score,
});

/** The place of an object by its catalogue: its mask may reach farther to one side. */
function placed(truth: Truth) {
  const [x, y] = [Number(truth.values?.x), Number(truth.values?.y)];
  return { ...truth, x1: x, y1: y, x2: x + 1, y2: y + 1 };
}

/** Purity and completeness of what was found in simulated fields, a list a field. */
export function judge(program: string, found: Detection[][], fields: Field[], cpuMs: number): SourcesResult {
  // The arcs of a lens are no objects of their own here: whatever is found on them is neither right nor wrong.
  const truths = fields.map(({ truths: all }) => all.filter((truth) => truth.class !== "lens").map(placed));
  const lenses = fields.map(({ truths: all }) => all.filter((truth) => truth.class === "lens"));
  const matching = matchNearest(found, truths, { nearPx: NEAR_PX, elsewhere: lenses });
  const hits = matching.matched.filter(({ truth }) => truth >= 0).length;
  const judged = matching.matched.filter(({ ignored }) => !ignored).length;
  const bins = completenessBy(matching, 0, EDGES, (field, truth) => Number(truths[field][truth].values?.magR));
  return { program, purity: { ...bins[0], hits, tries: judged, share: hits / judged }, completeness: bins, cpuMs };
}

export async function compare(fields: Field[]): Promise<SourcesResult[]> {
  const images = fields.map((field) => {
    const { data, bands, heightPx, widthPx } = fieldFlux(field) as NonNullable<ReturnType<typeof fieldFlux>>;
    return { data, bands: bands.length, heightPx, widthPx };
  });
  // What is compiled while it runs is compiled then.
  for (const image of images.slice(0, 8)) findSources(image);
  const before = process.cpuUsage();
  const sources = images.map((image) => findSources(image));
  const { user, system } = process.cpuUsage(before);
  const own = sources.map((found) => found.map(({ x, y, peak }) => at(x, y, peak)));
  const results = [judge("skyloop", own, fields, (user + system) / 1000 / fields.length)];
  if (!hasPeer("sep")) return results;
  const said = JSON.parse(
    runPeer(
      "sep_fields.py",
      fields.map(({ path }) => path),
      false,
    ),
  ) as {
    version: string;
    fields: [number, number, number][][];
    seconds: number[];
  };
  const theirs = said.fields.map((found) => found.map(([x, y, peak]) => at(x, y, peak)));
  const cpuMs = (1000 * said.seconds.reduce((sum, one) => sum + one, 0)) / fields.length;
  return [...results, judge(`sep ${said.version}`, theirs, fields, cpuMs)];
}

/** The results as a table. */
export function sourcesTable(results: SourcesResult[]): string {
  const head = EDGES.slice(1).map((edge, i) => `r ${EDGES[i]}-${edge}`);
  const lines = [
    ["", "purity", ...head, "CPU ms a field"],
    ...results.map(({ program, purity, completeness, cpuMs }) => [
      program,
      `${purity.share.toFixed(3)} (${purity.tries})`,
      ...completeness.map(({ share, tries }) => (tries < 5 ? "-" : `${share.toFixed(3)} (${tries})`)),
      cpuMs.toFixed(0),
    ]),
  ];
  return `${lines.map((cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(15))).join("")).join("\n")}\n`;
}

/** Runs both on `scenes` fields of 256 px. */
export async function benchSources({ scenes, seed }: { scenes: number; seed: number }): Promise<SourcesResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const out = join(folder, "fields");
    await simulateScenes(out, { scenes, seed, progress: SILENT, command: "bench sources" });
    const { fields } = await readFields(out, { decodeImages: false });
    return compare(fields);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
