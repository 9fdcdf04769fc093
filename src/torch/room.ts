/** Whether libtorch finds the memory that it reserves; OpenBLAS tries for ever where it does not get its own. */
import { readFileSync } from "node:fs";
import { SkyloopError } from "../base/errors.ts";

/** Address space of libtorch and the libraries below it, and of what a first round takes beside it. */
const LIBRARIES_MB = 1900;
/** OpenBLAS reserves so much for every thread that multiplies (its BUFFER_SIZE on x86-64). */
const THREAD_MB = 134;
const MB = 2 ** 20;

/** What the system says of this process, as the files of /proc have it. */
export interface Limits {
  /** `/proc/self/limits` */
  limits: string;
  /** `/proc/self/status` */
  status: string;
  /** `/proc/sys/vm/overcommit_memory` */
  overcommit: string;
  /** `/proc/meminfo` */
  meminfo: string;
}

function readLimits(): Limits | null {
  const read = (path: string) => readFileSync(path, "utf8");
  try {
    return {
      limits: read("/proc/self/limits"),
      status: read("/proc/self/status"),
      overcommit: read("/proc/sys/vm/overcommit_memory"),
      meminfo: read("/proc/meminfo"),
    };
  } catch {
    // Not Linux: nothing is known.
    return null;
  }
}

/** Megabytes that may still be reserved, or infinity. */
function leftMb({ limits, status, overcommit, meminfo }: Limits): number {
  const kilobytes = (text: string, name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
  const ofProcess = /^Max address space\s+(\d+)/m.exec(limits)?.[1];
  const free = [
    ofProcess === undefined ? Number.NaN : Number(ofProcess) / MB - kilobytes(status, "VmSize") / 1024,
    overcommit.trim() === "2"
      ? (kilobytes(meminfo, "CommitLimit") - kilobytes(meminfo, "Committed_AS")) / 1024
      : Number.NaN,
  ];
  return Math.min(...free.filter(Number.isFinite), Number.POSITIVE_INFINITY);
}

/** Before libtorch is loaded for so many threads. Throws MEMORY_SHORT where the system would refuse it memory. */
export function mustHaveRoom(threads: number, limits: Limits | null = readLimits()): void {
  if (limits === null) return;
  const [needed, left] = [LIBRARIES_MB + threads * THREAD_MB, leftMb(limits)];
  if (left >= needed) return;
  throw new SkyloopError(
    "MEMORY_SHORT",
    `libtorch reserves about ${needed} MB with ${threads} threads, and this process may have ${Math.max(0, Math.floor(left))} MB more; raise the limit (\`ulimit -v unlimited\`, or more memory for the job), or use fewer threads (SKYLOOP_THREADS=1)`,
  );
}
