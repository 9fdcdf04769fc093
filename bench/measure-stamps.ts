/** `skyloop measure` of simulated stamps beside sep, in turns: stamps a second, and processor time of each. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "../src/base/progress.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { simulateSurvey } from "../src/survey/simulate/index.ts";
import { measureSurvey } from "../src/tasks/measure/measure-survey.ts";
import { median, peerVersion, runPeer } from "./common.ts";

/** A run over all stamps: its seconds, those of the processor, and the median half-light radius in pixels. */
interface Run {
  seconds: number;
  processorSeconds: number;
  r50Px: number;
}

/** The runs of both; `sep` is null where Python does not have it. */
export interface MeasureBench {
  stamps: number;
  sepVersion: string | null;
  ours: Run[];
  sep: Run[] | null;
}

const BANDS = 3;
const SIDE_PX = 128;

/** The stamps of a survey as the peer reads them: float32 [stamps, bands, H, W]. */
async function writeStamps(folder: string, path: string): Promise<void> {
  const survey = await openSurvey(folder);
  const file = openSync(path, "w");
  for (let row = 0; row < survey.count; row++) writeSync(file, (await survey.readStamp(row)).data as Float32Array);
  closeSync(file);
  survey.close();
}

async function measured(folder: string): Promise<Run> {
  const began = performance.now();
  const before = process.cpuUsage();
  await measureSurvey(folder, { progress: SILENT });
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - began) / 1000;
  const survey = await openSurvey(folder);
  const { withComputed } = await import("../src/loop/computed-columns.ts");
  const r50 = withComputed(survey).column("measured.r50");
  const scale = survey.header.pixelScaleArcsec ?? 1;
  const radii = Array.from({ length: survey.count }, (_, row) => Number(r50?.at(row)) / scale).filter(Number.isFinite);
  survey.close();
  return { seconds, processorSeconds: (user + system) / 1e6, r50Px: median(radii) };
}

/** Measures `stamps` simulated stamps of three bands `rounds` times with each program. */
export async function benchMeasure({ stamps, rounds }: { stamps: number; rounds: number }): Promise<MeasureBench> {
  const work = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const folder = join(work, "survey");
    await simulateSurvey(folder, { count: stamps, seed: 5, progress: SILENT, command: "bench measure" });
    const version = peerVersion("sep");
    const raw = join(work, "stamps.f32");
    if (version !== null) await writeStamps(folder, raw);
    const result: MeasureBench = { stamps, sepVersion: version, ours: [], sep: version === null ? null : [] };
    for (let round = 0; round < rounds; round++) {
      result.ours.push(await measured(folder));
      result.sep?.push(JSON.parse(runPeer("sep_stamps.py", [raw, `${BANDS}`, `${SIDE_PX}`], false)) as Run);
    }
    return result;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The measurements as lines of text. */
export function describeMeasure({ stamps, sepVersion, ours, sep }: MeasureBench): string {
  const line = (name: string, runs: Run[]) => {
    const of = (value: (run: Run) => number) => runs.map((run) => value(run).toFixed(1)).join(" ");
    return `  ${name.padEnd(14)} ${of(({ seconds }) => stamps / seconds)} stamps/s; ${of(({ processorSeconds }) => (1000 * processorSeconds) / stamps)} ms of processor time a stamp; median half-light radius ${median(runs.map(({ r50Px }) => r50Px)).toFixed(2)} px`;
  };
  return [
    `${stamps} stamps of ${SIDE_PX} px, ${BANDS} bands`,
    line("measure", ours),
    sep === null ? "  sep            not installed (apt-get install python3-sep)" : line(`sep ${sepVersion}`, sep),
    "measure: all its numbers on all cores, read from a survey and kept; sep: sky of the bands, sources, one Kron flux, two radii, on one core",
  ].join("\n");
}
