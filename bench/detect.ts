/** Detection and its training beside torchvision's Mask R-CNN on the same machine, each in a process of its own. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { tilesOf } from "../src/detect/tiles.ts";
import { releasedWeights } from "../src/models/index.ts";
import { loadDetector } from "../src/tasks/detect/detector.ts";
import { tilesFor } from "../src/tasks/detect/find.ts";
import { alternate, hasPeer, median, runPeer } from "./common.ts";

interface Step {
  wallMs: number;
  cpuMs: number;
  peakMb: number;
}

/** One step of each program, the median of the rounds' best, by work. */
export type DetectBench = Record<string, Record<string, Step>>;

/** Side of the field that is searched. */
const FIELD_PX = 2048;

type Size = [width: number, height: number];

/** The tiles that `skyloop detect` cuts a field into for the released detector. */
function tilesOfField(): { tiles: Size[]; tilePx: number; stepPx: number } {
  const { model, details } = loadDetector(releasedWeights("lens-nano"));
  model.dispose();
  const { tilePx, overlapPx } = tilesFor(details, { factor: 1, brightness: 1 }, {});
  const tiles = tilesOf(FIELD_PX, FIELD_PX, tilePx, overlapPx).map(({ width, height }): Size => [width, height]);
  return { tiles, tilePx, stepPx: tilePx - overlapPx };
}

/** What is done so often a round, of which the best counts: a field is many tiles already. */
const TIMES = { field: "1", train: "3" } as const;
type Work = keyof typeof TIMES;

function ours(work: Work, backbone: string, channels: number, sizes: Size[]): Step {
  const tsx = join(PACKAGE_ROOT, "node_modules/tsx/dist/cli.mjs");
  const about = [work, backbone, String(channels), JSON.stringify(sizes), TIMES[work]];
  const args = [tsx, join(PACKAGE_ROOT, "bench/detect-step.ts"), ...about];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Step;
}

const peer = (work: Work, sizes: Size[]) => () =>
  JSON.parse(runPeer("detect.py", [work, JSON.stringify(sizes), TIMES[work]], true)) as Step;

const medianOf = (steps: Step[]): Step => ({
  wallMs: median(steps.map(({ wallMs }) => wallMs)),
  cpuMs: median(steps.map(({ cpuMs }) => cpuMs)),
  peakMb: median(steps.map(({ peakMb }) => peakMb)),
});

/** `skyloop bench detect`. */
export function benchDetect({ rounds }: { rounds: number }): DetectBench {
  const { tiles, tilePx, stepPx } = tilesOfField();
  const crops: Size[] = [[256, 256]];
  const works: Record<string, Record<string, () => Step>> = {
    [`a field of 2,048 px: ${tiles.length} tiles of ${tilePx} px, ${stepPx} px apart`]: {
      "Skyloop, lvm-nano": () => ours("field", "lvm-nano", 64, tiles),
      ...(hasPeer() ? { "torchvision, ResNet50": peer("field", tiles) } : {}),
    },
    "a training step, 4 images of 256 px, pyramid of 128": {
      "Skyloop, ResNet50": () => ours("train", "resnet50", 128, crops),
      ...(hasPeer() ? { "torchvision, ResNet50": peer("train", crops) } : {}),
    },
  };
  return Object.fromEntries(
    Object.entries(works).map(([work, programs]) => {
      const measured = alternate(programs, rounds);
      return [work, Object.fromEntries(Object.entries(measured).map(([program, steps]) => [program, medianOf(steps)]))];
    }),
  );
}

/** The bench as lines of text. */
export function detectTable(bench: DetectBench): string {
  const lines = Object.entries(bench).flatMap(([work, programs]) => [
    `${work}\n`,
    ...Object.entries(programs).map(
      ([program, { wallMs, cpuMs, peakMb }]) =>
        `  ${program.padEnd(22)} ${(wallMs / 1000).toFixed(2)} s, ${(cpuMs / 1000).toFixed(2)} CPU s, ${peakMb.toFixed(0)} MB\n`,
    ),
  ]);
  return lines.join("");
}
