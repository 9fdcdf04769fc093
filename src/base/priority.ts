/** How urgently the system runs this process: less while nobody waits for it, where that can be taken back. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";

/** Nice value of what somebody waits for. */
export const NORMAL = 0;
/** Nice value of what goes on while nobody waits. */
export const BACKGROUND = 10;
/** Bit of CAP_SYS_NICE (capabilities(7)). */
const CAP_SYS_NICE = 23n;

/** Whether this process may become more urgent again once it has been made less so (setpriority(2), Linux alone). */
export function mayRaise(read: (path: string) => string = (path) => readFileSync(path, "utf8")): boolean {
  try {
    const capabilities = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(read("/proc/self/status"))?.[1] ?? "0"}`);
    const limit = /^Max nice priority\s+(\w+)/m.exec(read("/proc/self/limits"))?.[1];
    return ((capabilities >> CAP_SYS_NICE) & 1n) === 1n || limit === "unlimited" || Number(limit) >= 20;
  } catch {
    return false;
  }
}

/** Sets the priority of every thread of this process; Linux keeps one for each. */
export function setProcessPriority(nice: number): void {
  try {
    for (const thread of readdirSync("/proc/self/task")) setPriority(Number(thread), nice);
  } catch {
    // A thread may end meanwhile, and other systems have no such folder: computing goes on as it was.
  }
}

/** Sets the priority of the thread that calls, for good: less urgent is open to everybody, more is not. Linux alone. */
export function setThreadPriority(nice: number): void {
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), nice);
  } catch {
    // Other systems have no such link: the thread goes on as it was.
  }
}
