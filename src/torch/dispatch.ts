/**
 * The only importer of the native addon: one boxed call into libtorch's dispatcher, and the errors it gives a name,
 * dtypes and shapes. Everything else about tensors is built on `call`.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { mustHaveRoom } from "./room.ts";

/** A native tensor; opaque. */
export type Handle = { readonly __handle: unique symbol };
/** What an operator takes: tensors, numbers, lists, text; undefined takes the schema's default, null is None. */
export type NativeValue = Handle | number | bigint | boolean | string | null | undefined | NativeValue[];

/** Arrays that tensors are made from and read into. */
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Int8Array | Int16Array;

/**
 * One operator as the dispatcher ran it: microseconds since the profile's start, bytes of the tensors read and written.
 */
export interface ProfiledCall {
  name: string;
  startUs: number;
  endUs: number;
  bytes: number;
  /** Joins a backward node with the operator that made it; -1 where there is none. */
  sequence: number;
  /** The number last given to `profileModule`; -1 before. */
  module: number;
  thread: number;
  /** Whether this is a node of autograd's graph, run by `backward`. */
  backward: boolean;
}

interface Addon {
  call(op: string, args: NativeValue[]): NativeValue;
  schema(op: string): string;
  fromArray(data: TypedArray, shape: number[], dtype?: number): Handle;
  copyTo(tensor: Handle, into: TypedArray): void;
  copyFrom(tensor: Handle, from: TypedArray): void;
  free(tensor: Handle): void;
  alias(tensor: Handle): Handle;
  shape(tensor: Handle): number[];
  dtype(tensor: Handle): number;
  device(tensor: Handle): string;
  isDefined(tensor: Handle): boolean;
  item(tensor: Handle): number | boolean;
  requiresGrad(tensor: Handle): boolean;
  setRequiresGrad(tensor: Handle, on: boolean): void;
  grad(tensor: Handle): Handle | null;
  setGrad(tensor: Handle, grad: Handle | null): void;
  backward(tensor: Handle, gradient: Handle | null, keepGraph: boolean): void;
  gradMode(on?: boolean): boolean;
  seed(seed: number): void;
  threads(count?: number): number;
  shortProducts(on?: boolean): boolean;
  live(): number;
  keepMemory(): void;
  memory(): { live: number; peak: number; kept: number };
  trimMemory(): void;
  profileStart(): void;
  profileModule(module: number): void;
  profileStop(): ProfiledCall[];
  groupJoin(
    host: string,
    port: number,
    rank: number,
    size: number,
    seconds: number,
    isServer: boolean,
    prefix: string,
  ): void;
  groupWatch(parameters: Handle[], bucketBytes: number): void;
  groupExpect(): void;
  groupFinish(): void;
  groupSum(tensor: Handle): void;
  groupBroadcast(tensors: Handle[]): void;
  groupLeave(): void;
  about(): { version: string; config: string; parallel: string; cudaDevices: number; mkldnn: boolean };
}

function load(): Addon {
  // OpenMP threads that spin while they wait cost more than they save on few cores, but waking them after each operator
  // takes a quarter of a small training step: they look for work for some tens of microseconds and then sleep. libgomp
  // reads this when the addon loads it.
  process.env.OMP_WAIT_POLICY ??= "PASSIVE";
  process.env.GOMP_SPINCOUNT ??= "3000";
  const path = join(PACKAGE_ROOT, "native/build/Release/torch.node");
  if (!existsSync(path))
    throw new SkyloopError(
      "NATIVE_MISSING",
      `the native part is not built (${path} is missing); run \`npm run setup\` in ${PACKAGE_ROOT}`,
    );
  const threads = Number(process.env.SKYLOOP_THREADS ?? process.env.OMP_NUM_THREADS) || availableParallelism();
  mustHaveRoom(threads);
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    // Freed tensors' memory stays with the process: page faults otherwise cost up to half of the run time.
    addon.keepMemory();
    addon.threads(threads);
    return addon;
  } catch (cause) {
    throw new SkyloopError(
      "NATIVE_BROKEN",
      `the native part does not load: ${messageOf(cause)}; run \`npm run setup\` in ${PACKAGE_ROOT}, and \`skyloop doctor\` to see which libtorch is found`,
      { cause },
    );
  }
}

/** The addon's functions. Only src/torch calls them; all else goes through `op` and `Tensor`. */
export const native: Addon = load();

/** Type codes of c10::ScalarType. */
export const DTYPE_CODE = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
} as const;

/** Names of the number types that tensors may have. */
export type DType = keyof typeof DTYPE_CODE;
const DTYPE_NAME = new Map<number, DType>(Object.entries(DTYPE_CODE).map(([name, code]) => [code, name as DType]));

/** The name of a type code; codes that we have no name for (complex, quantised) read as "other". */
export function dtypeName(code: number): DType | "other" {
  return DTYPE_NAME.get(code) ?? "other";
}

function isHandle(value: NativeValue): value is Handle {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: NativeValue): string {
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`;
  if (value === undefined) return "default";
  if (!isHandle(value)) return typeof value === "string" ? JSON.stringify(value) : String(value);
  return native.isDefined(value)
    ? `${dtypeName(native.dtype(value))}[${native.shape(value).join(", ")}]`
    : "freed tensor";
}

type Observer = (op: string, args: NativeValue[], result: NativeValue, ms: number) => void;
let observer: Observer | null = null;

/** Tells `watch` of every call on this thread until it is set to null (observe.ts). */
export function setObserver(watch: Observer | null): void {
  observer = watch;
}

/** Whether somebody watches the calls of this thread, who wants to see operators one by one. */
export function isObserved(): boolean {
  return observer !== null;
}

/**
 * Calls the ATen operator `op` ("mm", "add.Tensor": name and overload) with arguments in its schema's order.
 * Throws TORCH with operator, dtypes and shapes.
 */
export function call(op: string, args: NativeValue[]): NativeValue {
  try {
    if (observer === null) return native.call(op, args);
    const start = performance.now();
    const result = native.call(op, args);
    observer(op, args, result, performance.now() - start);
    return result;
  } catch (cause) {
    throw torchError(`${op}(${args.map(describe).join(", ")})`, cause);
  }
}

/** An engine error that names what was called. */
export function torchError(what: string, cause: unknown): SkyloopError {
  return new SkyloopError("TORCH", `${what}: ${messageOf(cause).split("\nException raised from")[0]}`, { cause });
}
