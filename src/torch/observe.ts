/** Watching every operator that goes through the one door: for counting, profiling and tracing. */
import { type Handle, type NativeValue, native, setObserver } from "./dispatch.ts";

/** One call: the operator, the shapes of its tensor arguments and of its first result, and the milliseconds it took. */
export interface Observed {
  op: string;
  shapes: number[][];
  result: number[];
  ms: number;
}

const isHandle = (value: NativeValue): value is Handle =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Runs `body` and tells `watch` of each operator it calls on this thread. */
export function observeCalls(watch: (call: Observed) => void, body: () => void): void {
  setObserver((op, args, result, ms) => {
    const first = Array.isArray(result) ? result[0] : result;
    watch({
      op,
      shapes: args.filter(isHandle).map((handle) => native.shape(handle)),
      result: isHandle(first) ? native.shape(first) : [],
      ms,
    });
  });
  try {
    body();
  } finally {
    setObserver(null);
  }
}

/**
 * Runs `body` and tells `watch` of each operator with its tensors as the engine knows them; while `watch` runs nothing
 * is observed.
 */
export function observeHandles(
  watch: (op: string, args: NativeValue[], result: NativeValue) => void,
  body: () => void,
): void {
  const observer: Parameters<typeof setObserver>[0] = (op, args, result) => {
    setObserver(null);
    try {
      watch(op, args, result);
    } finally {
      setObserver(observer);
    }
  };
  setObserver(observer);
  try {
    body();
  } finally {
    setObserver(null);
  }
}
