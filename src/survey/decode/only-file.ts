/** A library that opens files by Node is held to one of them. */
import fs from "node:fs";
import { resolve } from "node:path";

const openSync = fs.openSync;
/** The system's own code, as h5wasm understands it. */
const REFUSED = "EACCES";
let only: string | null = null;

// h5wasm asks for this very function; HDF5 files may name any other file of the machine as the place of their values.
fs.openSync = (path, ...rest) => {
  if (only === null || resolve(String(path)) === only) return openSync(path, ...rest);
  throw Object.assign(new Error(`${REFUSED}: ${String(path)} is another file`), { code: REFUSED, errno: -13 });
};

/** Runs `body`, in which nothing but the file at `path` is opened. One at a time in a process. */
export async function withOnly<T>(path: string, body: () => Promise<T>): Promise<T> {
  only = resolve(path);
  try {
    return await body();
  } finally {
    only = null;
  }
}
