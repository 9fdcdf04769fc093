/**
 * Times of the operators that libtorch's dispatcher runs, those inside of `backward` and of other operators too
 * (native/addon/profile.cc).
 */
import { native, type ProfiledCall } from "./dispatch.ts";

export type { ProfiledCall } from "./dispatch.ts";

/** Every operator that ran during `body`, on any thread. One profile at a time in a process. */
export function profileCalls(body: () => void): ProfiledCall[] {
  native.profileStart();
  try {
    body();
  } catch (error) {
    native.profileStop();
    throw error;
  }
  return native.profileStop();
}

/** What operators belong to from now on: any number of the caller's, -1 for nothing. */
export function setProfiledModule(module: number): void {
  native.profileModule(module);
}
