/**
 * `npm run fuzz -- [--seed 1] [--rounds 3] [--kind fits,json]`: damaged files of every kind that Skyloop reads, and odd
 * requests. Prints a line a kind; fails where a process ended, hung, took over 2 GB, or a file was refused without a
 * code or lost. The same seed damages the same way. Failing files are kept in the folder that is named.
 */
import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../../src/base/random.ts";
import { damage } from "./mutate.ts";
import { KINDS, type Kind, makeSeeds } from "./seeds.ts";
import type { Outcome } from "./trial.ts";

const FILES_A_ROUND = 24;
const HANG_MS = 240_000;
const MOST_MB = 2000;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    kind: { type: "string", default: KINDS.join(",") },
  },
});
const [seed, rounds] = [Number(values.seed), Number(values.rounds)];
const root = mkdtempSync(join(tmpdir(), "skyloop-fuzz-"));

/** Memory of a process and of all below it, in MB. */
function memoryMb(pid: number): number {
  try {
    const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    const below = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    return Math.max(own, ...below.map((child) => memoryMb(Number(child))));
  } catch {
    return 0;
  }
}

function startTrial(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL("./trial.ts", import.meta.url)), [], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`the trial did not start (${code})`)));
  });
}

interface Round {
  outcomes: Outcome[];
  end: "well" | "ended" | "hung";
  peakMb: number;
}

function runRound(child: ChildProcess, job: [Kind, string, string, number, number]): Promise<Round> {
  return new Promise((resolve) => {
    let peakMb = 0;
    const watch = setInterval(() => {
      peakMb = Math.max(peakMb, memoryMb(child.pid as number));
    }, 50);
    const end = (round: Omit<Round, "peakMb">) => {
      clearInterval(watch);
      clearTimeout(clock);
      child.removeAllListeners();
      resolve({ ...round, peakMb: Math.round(peakMb) });
    };
    const clock = setTimeout(() => {
      child.kill("SIGKILL");
      end({ outcomes: [], end: "hung" });
    }, HANG_MS);
    child.once("exit", () => end({ outcomes: [], end: "ended" }));
    child.once("message", (outcomes) => end({ outcomes: outcomes as Outcome[], end: "well" }));
    child.send(job);
  });
}

/** Fills `folder` with damaged files of a kind, and one whole one where images are taken in. */
function fill(kind: Kind, seeds: string, folder: string, random: Random): void {
  mkdirSync(folder, { recursive: true });
  if (kind === "api") {
    cpSync(seeds, folder, { recursive: true });
    return;
  }
  if (kind === "json") {
    for (let i = 0; i < 12; i++) {
      const to = join(folder, `s${i}`);
      cpSync(join(seeds, "survey"), to, { recursive: true });
      const names = ["survey.json", "problems.json", "features/toy/features.json"];
      const name = join(to, names[i % names.length]);
      writeFileSync(name, damage(readFileSync(name), name, random));
    }
    return;
  }
  const names = readdirSync(seeds);
  // Each damaged HDF5 file costs a process of its own.
  const count = kind === "hdf5" ? FILES_A_ROUND / 2 : FILES_A_ROUND;
  for (let i = 0; i < count; i++) {
    const name = names[i % names.length];
    writeFileSync(
      join(folder, `n${i}x.${name.split(".").slice(1).join(".")}`),
      damage(readFileSync(join(seeds, name)), name, random),
    );
  }
  if (["fits", "fz", "hdf5", "pictures"].includes(kind))
    // Copies of an HDF5 file would repeat its ids.
    for (let i = 0; i < (kind === "hdf5" ? 1 : 3); i++) {
      const name = names[0];
      cpSync(join(seeds, name), join(folder, `good${i}x.${name.split(".").slice(1).join(".")}`));
    }
}

let faults = 0;
process.stdout.write(`seed ${seed}, ${rounds} rounds a kind\n`);
process.stdout.write("kind          tried  read  with a code  without  lost  ends  hangs  most MB\n");
for (const kind of values.kind.split(",") as Kind[]) {
  const random = new Random(seed * 1000 + KINDS.indexOf(kind));
  const seeds = join(root, `${kind}-seeds`);
  await makeSeeds(kind, seeds);
  const sum = { tried: 0, read: 0, coded: 0, uncoded: 0, lost: 0, ends: 0, hangs: 0, peak: 0 };
  const words: string[] = [];
  let child = await startTrial();
  for (let round = 0; round < rounds; round++) {
    const folder = join(root, `${kind}-${round}`);
    fill(kind, seeds, folder, random);
    const { outcomes, end, peakMb } = await runRound(child, [
      kind,
      folder,
      join(root, "work"),
      seed * 100 + round,
      200,
    ]);
    for (const { how, name, word } of outcomes) {
      sum.tried++;
      sum[how]++;
      if (how === "uncoded" || how === "lost") words.push(`  ${kind}-${round}/${name}: ${word}`);
    }
    sum.peak = Math.max(sum.peak, peakMb);
    sum.ends += Number(end === "ended");
    sum.hangs += Number(end === "hung");
    if (end === "well" && outcomes.every(({ how }) => how === "read" || how === "coded"))
      rmSync(folder, { recursive: true, force: true });
    if (end !== "well") {
      words.push(`  ${kind}-${round}: the process ${end}`);
      child = await startTrial();
    }
  }
  child.kill();
  faults += sum.uncoded + sum.lost + sum.ends + sum.hangs + Number(sum.peak > MOST_MB);
  const cell = (value: number, width: number) => String(value).padStart(width);
  process.stdout.write(
    `${kind.padEnd(12)}${cell(sum.tried, 7)}${cell(sum.read, 6)}${cell(sum.coded, 13)}${cell(sum.uncoded, 9)}${cell(sum.lost, 6)}${cell(sum.ends, 6)}${cell(sum.hangs, 7)}${cell(sum.peak, 9)}\n`,
  );
  for (const word of words.slice(0, 10)) process.stdout.write(`${word}\n`);
}
if (faults === 0) rmSync(root, { recursive: true, force: true });
else process.stdout.write(`${faults} faults; the files are in ${root}\n`);
process.exitCode = faults === 0 ? 0 : 1;
