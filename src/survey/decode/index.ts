/**
 * Decoding of files from anywhere (FITS, HDF5, pictures, tables) in processes of its own: a damaged or hostile file may
 * end or hang such a process; it is named, and everything else goes on.
 */
import { existsSync, statSync } from "node:fs";
import { ChildDied, ChildPool, type Death, type JobLimits } from "../../base/child-pool.ts";
import { codeOf, SkyloopError } from "../../base/errors.ts";
import type { DecodeJobs } from "./jobs.ts";

export type { FluxHead, FluxObject } from "./flux-stamp.ts";
export type { Hdf5Head, Hdf5Stamp } from "./hdf5-jobs.ts";
export type { DecodedPicture } from "./picture-job.ts";

type Result<K extends keyof DecodeJobs> = Awaited<ReturnType<DecodeJobs[K]>>;

let pool: ChildPool | null = null;
const thePool = () => (pool ??= new ChildPool(new URL("./child.ts", import.meta.url)));

/** How many files are worth decoding at once. */
export const decodeWidth = (): number => thePool().width;

/** Starts decoding processes for who is about to need them, while it loads what it needs itself. */
export const startDecoding = (): void => thePool().start();

const MB = 2 ** 20;
const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GB`;

/** What decoding a file of that size may take; texts and tables unfold to many times their size. */
function limitsFor(bytes: number, name: keyof DecodeJobs, files: string[]): JobLimits {
  const base = Number(process.env.SKYLOOP_DECODE_MB ?? 1500) * MB;
  const table = name === "parquet" || name === "fitsTable";
  const slow = files.some((path) => path.endsWith(".bz2"));
  return { memoryBytes: base + bytes * (table ? 20 : 2.5), seconds: 6 + (bytes / MB) * (slow ? 4 : table ? 2 : 0.5) };
}

/** The code of a file of this kind that cannot be decoded. */
function codeFor(name: keyof DecodeJobs): string {
  if (name.startsWith("hdf5")) return "HDF5_UNREADABLE";
  if (name === "picture") return "IMAGE_BROKEN";
  return name === "parquet" ? "TABLE_BROKEN" : "FITS_UNREADABLE";
}

function explain(name: keyof DecodeJobs, { how, signal, limits }: Death): SkyloopError {
  if (how === "time")
    return new SkyloopError(
      "FILE_TOO_SLOW",
      `decoding took more than ${Math.round(limits.seconds)} s, so that it was ended: the file is probably damaged; copy it again`,
    );
  if (how === "memory")
    return new SkyloopError(
      "FILE_TOO_LARGE",
      `decoding needs more than ${gigabytes(limits.memoryBytes)} of memory: unpack or split the file if it is right (SKYLOOP_DECODE_MB raises the limit)`,
    );
  return new SkyloopError(
    codeFor(name),
    `the decoder ended on it (${signal}): the file is damaged, or the library does not bear it; copy it again`,
  );
}

/**
 * Does a job on files (paths) in a decoding process. Throws what the job throws, FILE_UNREADABLE for what is no plain
 * file, FILE_TOO_SLOW, FILE_TOO_LARGE, and the code of the file's kind where the process ended.
 */
export async function decode<K extends keyof DecodeJobs>(
  name: K,
  files: string[],
  input: Parameters<DecodeJobs[K]>[0],
): Promise<Result<K>> {
  let bytes = 0;
  for (const path of files) {
    if (!existsSync(path)) throw new SkyloopError("FILE_UNREADABLE", `no file at ${path}; check the path`);
    const stat = statSync(path);
    if (!stat.isFile()) throw new SkyloopError("FILE_UNREADABLE", `${path} is no plain file; check the path`);
    bytes += stat.size;
  }
  const request = { name, input, limits: limitsFor(bytes, name, files) };
  let died: ChildDied | null = null;
  for (;;) {
    try {
      return (await thePool().run(request)) as Result<K>;
    } catch (error) {
      if (codeOf(error) === "WORN") continue;
      if (!(error instanceof ChildDied)) throw error;
      // An earlier file may have left the process in disorder: what ends a second one is at fault itself.
      if (died !== null || error.death.how === "time") throw explain(name, error.death);
      died = error;
    }
  }
}
