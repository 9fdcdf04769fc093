/** What benchmarks share: the peer's process, alternating runs, medians. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/base/paths.ts";

/** The interpreter that peers run under, unless another is named: Debian's. */
const PYTHON = process.env.PYTHON ?? "/usr/bin/python3";

/** Version of a package that Python has to compare with (python3-torch unless another is named), or null. */
export function peerVersion(name = "torch", python = PYTHON): string | null {
  if (!existsSync(python)) return null;
  try {
    return execFileSync(python, ["-c", `import ${name}; print(${name}.__version__)`], {
      stdio: ["ignore", "pipe", "ignore"],
      encoding: "utf8",
    }).trim();
  } catch {
    return null;
  }
}

/** Whether a package of Python is there to compare with. */
export const hasPeer = (name = "torch"): boolean => peerVersion(name) !== null;

/** Debian's OpenBLAS with OpenMP, where it stands beside the one that the system has chosen. */
const OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp";

/**
 * Runs a peer script and returns what it prints. `tuned` gives it what a user who knows libtorch would: a thread for
 * each processor (PyTorch itself takes one for two that it thinks share a core), OpenBLAS with OpenMP, OpenMP waiting
 * as ours does (passive after a short look) and memory that glibc keeps.
 */
export function runPeer(script: string, args: string[], tuned: boolean, python = PYTHON): string {
  const env: NodeJS.ProcessEnv = { ...process.env };
  // The plain peer gets what a user's shell has, not what this process set for itself.
  delete env.OMP_WAIT_POLICY;
  delete env.GOMP_SPINCOUNT;
  if (tuned)
    Object.assign(env, {
      OMP_NUM_THREADS: String(availableParallelism()),
      OMP_WAIT_POLICY: "PASSIVE",
      GOMP_SPINCOUNT: process.env.GOMP_SPINCOUNT,
      MALLOC_MMAP_THRESHOLD_: "1073741824",
      MALLOC_TRIM_THRESHOLD_: "2147483647",
      MALLOC_TOP_PAD_: "67108864",
      ...(existsSync(OPENBLAS) ? { LD_LIBRARY_PATH: OPENBLAS } : {}),
    });
  return execFileSync(python, [join(PACKAGE_ROOT, "bench/peers", script), ...args], { env, encoding: "utf8" });
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 === 1
    ? sorted[(sorted.length - 1) / 2]
    : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

/**
 * Repeats every measurement in turn, so that a busy moment hits all of them alike: `rounds` times, or fewer where another
 * round, as long as the last, would end later than `withinS` seconds after the first began.
 */
export function alternate<T>(
  measurements: Record<string, () => T>,
  rounds: number,
  withinS = Infinity,
): Record<string, T[]> {
  const results: Record<string, T[]> = Object.fromEntries(Object.keys(measurements).map((name) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    for (const [name, measure] of Object.entries(measurements)) results[name].push(measure());
    const now = performance.now();
    if (now - start + (now - begun) > withinS * 1000) break;
  }
  return results;
}
