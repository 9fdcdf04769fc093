import { native } from "./dispatch.ts";

/** Runs `body` without recording gradients. */
export function noGrad<T>(body: () => T): T {
  const before = native.gradMode(false);
  try {
    return body();
  } finally {
    native.gradMode(before);
  }
}
