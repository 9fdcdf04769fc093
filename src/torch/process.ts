/** What concerns the whole process: seed, threads, memory, versions. */
import { SkyloopError } from "../base/errors.ts";
import { device } from "./device.ts";
import { native } from "./dispatch.ts";

/** Seeds libtorch's generator (initial weights, dropout, drop path). */
export function manualSeed(seed: number): void {
  native.seed(seed);
}

/**
 * Sets the number of threads of one operator on this JavaScript thread. Results may differ in the last bits between
 * counts.
 */
export function setThreads(count: number): void {
  native.threads(count);
}

/** Threads that libtorch's operators use. */
export function getThreads(): number {
  return native.threads();
}

/**
 * What products of linear layers and of attention round their factors to: nothing, or bfloat16 (8 bits of precision)
 * where sums stay in single precision.
 */
export const PRECISIONS = ["float32", "bfloat16"] as const;

/** One of the number formats that factors of matrix products can be rounded to. */
export type Precision = (typeof PRECISIONS)[number];

let deviceIsShort = false;

/** Whether linear layers on another device than the CPU shall multiply in bfloat16. */
export const isShortThere = (): boolean => deviceIsShort;

/**
 * Sets the precision of the products of linear layers, and of those of attention's gradients where heads have 32
 * numbers and more, in the whole process; all else stays in single precision. On a GPU it is that of linear layers.
 * Throws PRECISION_MISSING where the processor has no bfloat16 products (AVX512-BF16).
 */
export function setPrecision(precision: Precision): void {
  if (device() !== "cpu") {
    deviceIsShort = precision === "bfloat16";
    return;
  }
  if (native.shortProducts(precision === "bfloat16") !== (precision === "bfloat16"))
    throw new SkyloopError("PRECISION_MISSING", "this processor has no bfloat16 products (AVX512-BF16); use float32");
}
/** Whether the processor has bfloat16 products. */
export function hasBfloat16(): boolean {
  const before = getPrecision();
  const has = native.shortProducts(true);
  setPrecision(before);
  return has;
}

/** What products round their factors to now, in the whole process. */
export function getPrecision(): Precision {
  return deviceIsShort || native.shortProducts() ? "bfloat16" : "float32";
}

/** Number of tensor handles alive in the process, over all threads. */
export function liveTensors(): number {
  return native.live();
}

/** Gives memory that freed tensors left with the process back to the system. */
export function trimMemory(): void {
  native.trimMemory();
}

/** libtorch's version, build and threads, and how many GPUs it finds. */
export function aboutTorch(): ReturnType<typeof native.about> {
  return native.about();
}
