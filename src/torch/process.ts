/** What concerns the whole process: seed, threads, memory, versions. */
import { native } from "./dispatch.ts";

/** Seeds libtorch's generator (initial weights, dropout, drop path). */
export function manualSeed(seed: number): void {
  native.seed(seed);
}

/** Sets the number of threads of one operator on this JavaScript thread. Results may differ in the last bits between counts. */
export function setThreads(count: number): void {
  native.threads(count);
}
export function getThreads(): number {
  return native.threads();
}

/** Number of tensor handles alive in the process, over all threads. */
export function liveTensors(): number {
  return native.live();
}

/** Gives memory that freed tensors left with the process back to the system. */
export function trimMemory(): void {
  native.trimMemory();
}

/** libtorch's version, build and threads. */
export function aboutTorch(): { version: string; config: string; parallel: string; cuda: boolean; mkldnn: boolean } {
  return native.about();
}
