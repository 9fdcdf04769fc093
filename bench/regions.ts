/** Operators of detectors beside torchvision's on the same machine; each in a process of its own, in turn. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { alternate, hasPeer, median, runPeer } from "./common.ts";

type Times = Record<string, { wallMs: number; cpuMs: number }>;

/** Milliseconds of each operator by program, the median of the rounds' best, and how many times faster ours is. */
export interface RegionsBench {
  boxes: number;
  median: Record<string, Times>;
  ratio: Record<string, { wall: number; cpu: number }>;
}

const [OURS, PEER] = ["Skyloop", "torchvision"];

/** `skyloop bench regions`. */
export function benchRegions({ boxes, rounds }: { boxes: number; rounds: number }): RegionsBench {
  const args = [String(boxes), "5"];
  const tsx = join(PACKAGE_ROOT, "node_modules/tsx/dist/cli.mjs");
  const own = () =>
    execFileSync(process.execPath, [tsx, join(PACKAGE_ROOT, "bench/regions-step.ts"), ...args], { encoding: "utf8" });
  const programs: Record<string, () => Times> = { [OURS]: () => JSON.parse(own()) as Times };
  if (hasPeer()) programs[PEER] = () => JSON.parse(runPeer("regions.py", args, true)) as Times;
  const measured = alternate(programs, rounds);
  const medians = Object.fromEntries(
    Object.entries(measured).map(([program, runs]) => [
      program,
      Object.fromEntries(
        Object.keys(runs[0]).map((name) => [
          name,
          {
            wallMs: median(runs.map((run) => run[name].wallMs)),
            cpuMs: median(runs.map((run) => run[name].cpuMs)),
          },
        ]),
      ),
    ]),
  );
  const peer = medians[PEER];
  const ratio =
    peer === undefined
      ? {}
      : Object.fromEntries(
          Object.entries(medians[OURS]).map(([name, { wallMs, cpuMs }]) => [
            name,
            { wall: peer[name].wallMs / wallMs, cpu: peer[name].cpuMs / cpuMs },
          ]),
        );
  return { boxes, median: medians, ratio };
}

/** The bench as lines of text. */
export function regionsTable({ boxes, median: medians, ratio }: RegionsBench): string {
  const rows = Object.entries(medians[OURS]).map(([name, { wallMs, cpuMs }]) => {
    const peer = medians[PEER]?.[name];
    const beside =
      peer === undefined
        ? "torchvision is not installed"
        : `torchvision ${peer.wallMs.toFixed(1)} ms (CPU ${peer.cpuMs.toFixed(1)}): ${ratio[name].wall.toFixed(2)} times as fast, ${ratio[name].cpu.toFixed(2)} by processor time`;
    return `  ${name.padEnd(13)} ${wallMs.toFixed(1)} ms (CPU ${cpuMs.toFixed(1)})  ${beside}\n`;
  });
  return `${boxes} boxes on [2, 256, 64, 64], 7 x 7 bins, 2 samples; NMS of ${2 * boxes}\n${rows.join("")}`;
}
