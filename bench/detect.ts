/** Detection and its training beside torchvision's Mask R-CNN on the same machine, each in a process of its own. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { alternate, hasPeer, median, runPeer } from "./common.ts";

interface Step {
  wallMs: number;
  cpuMs: number;
  peakMb: number;
}

/** One step of each program, the median of the rounds' best, by work. */
export type DetectBench = Record<string, Record<string, Step>>;

function ours(work: string, backbone: string, channels: number, size: number): Step {
  const tsx = join(PACKAGE_ROOT, "node_modules/tsx/dist/cli.mjs");
  const args = [tsx, join(PACKAGE_ROOT, "bench/detect-step.ts"), work, backbone, String(channels), String(size), "3"];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Step;
}

const peer = (work: string, size: number) => () =>
  JSON.parse(runPeer("detect.py", [work, String(size), "3"], true)) as Step;

const medianOf = (steps: Step[]): Step => ({
  wallMs: median(steps.map(({ wallMs }) => wallMs)),
  cpuMs: median(steps.map(({ cpuMs }) => cpuMs)),
  peakMb: median(steps.map(({ peakMb }) => peakMb)),
});

/** `skyloop bench detect`. */
export function benchDetect({ rounds }: { rounds: number }): DetectBench {
  const works: Record<string, Record<string, () => Step>> = {
    "a tile of 512 px": {
      "Skyloop, lvm-nano": () => ours("tile", "lvm-nano", 64, 512),
      ...(hasPeer() ? { "torchvision, ResNet50": peer("tile", 512) } : {}),
    },
    "a training step, 4 images of 256 px, pyramid of 128": {
      "Skyloop, ResNet50": () => ours("train", "resnet50", 128, 256),
      ...(hasPeer() ? { "torchvision, ResNet50": peer("train", 256) } : {}),
    },
  };
  return Object.fromEntries(
    Object.entries(works).map(([work, programs]) => {
      const measured = alternate(programs, rounds);
      return [work, Object.fromEntries(Object.entries(measured).map(([program, steps]) => [program, medianOf(steps)]))];
    }),
  );
}

/** Tiles of 512 px that share 96 px, in a field of 2,048 px. */
const TILES_OF_2048 = 25;

/** The bench as lines of text. */
export function detectTable(bench: DetectBench): string {
  const lines = Object.entries(bench).flatMap(([work, programs]) => [
    `${work}\n`,
    ...Object.entries(programs).map(([program, { wallMs, cpuMs, peakMb }]) => {
      const field = work.startsWith("a tile")
        ? `; a field of 2,048 px ${((TILES_OF_2048 * cpuMs) / 1000).toFixed(1)} CPU s`
        : "";
      return `  ${program.padEnd(22)} ${(wallMs / 1000).toFixed(2)} s, ${(cpuMs / 1000).toFixed(2)} CPU s, ${peakMb.toFixed(0)} MB${field}\n`;
    }),
  ]);
  return lines.join("");
}
