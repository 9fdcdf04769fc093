/**
 * Features of a survey on disk: `features/<model>/features.f32`, a little-endian float32 matrix [count, dim] that can
 * be memory-mapped (or `features.i8`, the same in eight bits), and `features.json`, which says whose weights made it and
 * which blocks of rows are finished. Blocks are written, synced, and only then listed as done, every few seconds, so that a
 * killed run resumes.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { crc32 } from "../base/checksum.ts";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { openToRead, readJson, writeError, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import { mapFile } from "../base/map-file.ts";
import { decoded, type EightBits, eightBitRows, encoded, floatRows, type RowMatrix } from "../base/row-matrix.ts";
import type { FeatureSet } from "../contract/api.ts";
import {
  bytesOf,
  eightBitsOf,
  faultOf,
  matrixIn,
  notFinite,
  readRows,
  rowsOfBlock,
  type Stored,
  storedOf,
} from "./feature-blocks.ts";

/** Finished blocks are listed so often: the list grows with them, and what a kill takes is this much work. */
const LIST_EVERY_MS = 2000;

const wholeNumber = z.number().int().nonnegative();
const HeaderShape = z.object({
  model: z.string(),
  weightsHash: z.string(),
  dataHash: z.string(),
  dim: wholeNumber.min(1),
  count: wholeNumber,
  blockRows: wholeNumber.min(1),
  precision: z.enum(["float32", "bfloat16"]).optional(),
  shard: z.object({ part: wholeNumber.min(1), of: wholeNumber.min(1), from: wholeNumber }).optional(),
  seconds: z.number().nonnegative().optional(),
  int8: z.object({ offset: z.array(z.number()), scale: z.array(z.number().positive()) }).optional(),
  blocksDone: z.array(wholeNumber),
  sums: z.array(wholeNumber).optional(),
});

/** Reads a features.json. Throws FEATURES_BROKEN. */
export function headerIn(path: string): FeatureHeader {
  const broken = (why: string) =>
    new SkyloopError(
      "FEATURES_BROKEN",
      `${path} does not describe features (${why}); delete its folder and run \`skyloop embed\` again`,
    );
  let found: unknown;
  try {
    found = readJson(path);
  } catch (cause) {
    throw broken(messageOf(cause).split("\n")[0]);
  }
  const parsed = HeaderShape.safeParse(found);
  if (parsed.success) {
    const { int8, dim } = parsed.data;
    if (int8 === undefined || (int8.offset.length === dim && int8.scale.length === dim)) return parsed.data;
    throw broken(`int8: ${int8.offset.length} offsets and ${int8.scale.length} scales for ${dim} numbers`);
  }
  throw broken(`${parsed.error.issues[0].path.join(".")}: ${parsed.error.issues[0].message}`);
}

/** Content of features.json. */
export interface FeatureHeader {
  model: string;
  weightsHash: string;
  dataHash: string;
  dim: number;
  count: number;
  blockRows: number;
  /** Of the encoder's products; absent: float32. */
  precision?: "float32" | "bfloat16";
  /** Of a part of a survey: which of how many, and the survey's row that its first row is. */
  shard?: { part: number; of: number; from: number };
  /** Seconds spent on the blocks so far. */
  seconds?: number;
  /** Of a set that is stored in eight bits: column d of a stored q is offset[d] + scale[d] * q (docs/conventions.md). */
  int8?: { offset: number[]; scale: number[] };
  blocksDone: number[];
  /** CRC-32 of each block of `blocksDone`, in its order; absent in sets of earlier versions. */
  sums?: number[];
}

const folderOf = (survey: string, model: string, shard?: FeatureHeader["shard"]) =>
  join(survey, "features", model, ...(shard === undefined ? [] : ["shards", shardName(shard)]));

/** The folder of one part of a feature set, below `shards/`. */
const shardName = ({ part, of }: { part: number; of: number }) => `${String(part).padStart(5, "0")}-of-${of}`;

/** Names of feature sets: folders below `features/`, never above. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/;

function readHeader(survey: string, model: string): FeatureHeader {
  checkName(survey, model);
  const path = join(folderOf(survey, model), "features.json");
  if (!existsSync(path)) {
    const others = listFeatures(survey).map((set) => set.model);
    throw new SkyloopError(
      "FEATURES_MISSING",
      `${survey} has no features of ${model}${others.length > 0 ? ` (it has: ${others.join(", ")})` : ""}; run \`skyloop embed ${survey} --model ${model}\``,
    );
  }
  return headerIn(path);
}

const rowsDone = ({ blocksDone, blockRows, count }: FeatureHeader) =>
  blocksDone.reduce((sum, block) => sum + Math.min(blockRows, count - block * blockRows), 0);

/** The feature sets of a survey, finished or not. */
export function listFeatures(survey: string): FeatureSet[] {
  const folder = join(survey, "features");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "features.json")))
    .map((name) => {
      const header = headerIn(join(folder, name, "features.json"));
      return {
        model: header.model,
        weightsHash: header.weightsHash,
        dim: header.dim,
        done: lengthOf(matrixIn(join(folder, name), header)) === bytesOf(header) ? rowsDone(header) : 0,
        total: header.count,
      };
    });
}

const lengthOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? -1;

/** Refuses a name that would lead out of the folder of features. Throws FEATURES_MISSING. */
function checkName(survey: string, model: string): void {
  if (!MODEL_NAME.test(model))
    throw new SkyloopError("FEATURES_MISSING", `${survey} can have no features of ${JSON.stringify(model)}`);
}

/** A finished feature set, read-only. */
export interface Features {
  readonly model: string;
  readonly weightsHash: string;
  readonly dim: number;
  readonly count: number;
  /** Rows `from` to before `to`, [to - from, dim]. */
  rows(from: number, to: number): Float32Array;
  row(index: number): Float32Array;
  /** All rows as they are stored, mapped into memory where that can be (`mapFile`), else read; checked the first time. */
  stored(): RowMatrix;
  /** All rows [count, dim] as float32: those of `stored`, or, of a set in eight bits, decoded into memory. */
  matrix(): Float32Array;
  close(): void;
}

/**
 * Opens a finished set; each block is checked when it is first read. Throws FEATURES_MISSING, FEATURES_UNFINISHED,
 * FEATURES_BROKEN, OTHER_DATA where the features are of another state of the survey.
 */
export function openFeatures(survey: string, model: string): Features {
  const header = readHeader(survey, model);
  const { dim, count, blockRows } = header;
  const again = `run \`skyloop embed ${survey} --model ${model}\` to compute what is missing`;
  if (rowsDone(header) < count)
    throw new SkyloopError(
      "FEATURES_UNFINISHED",
      `features of ${model} are finished for ${rowsDone(header)} of ${count} objects; run \`skyloop embed ${survey} --model ${model}\` to go on`,
    );
  mustBeOf(survey, header);
  const path = matrixIn(folderOf(survey, model), header);
  const code = eightBitsOf(header);
  if (lengthOf(path) !== bytesOf(header))
    throw new SkyloopError(
      "FEATURES_BROKEN",
      `${path} has ${Math.max(0, lengthOf(path))} bytes, ${count} x ${dim} ${code === null ? "float32" : "int8"} need ${bytesOf(header)}; ${again}`,
    );
  const file = openToRead(path);
  const checked = new Uint8Array(Math.ceil(count / blockRows));
  const check = (block: number, values: Stored) => {
    const fault = faultOf(header, block, values);
    if (fault !== null)
      throw new SkyloopError(
        "FEATURES_BROKEN",
        `${path}: block ${block} (objects ${block * blockRows + 1} to ${block * blockRows + rowsOfBlock(header, block)}) ${fault}; ${again}`,
      );
    checked[block] = 1;
  };
  const read = (from: number, to: number): Stored => {
    const into = storedOf(header, (to - from) * dim);
    if (readRows(file, header, from, into)) return into;
    throw new SkyloopError("FEATURES_BROKEN", `${path} was cut while it was read; ${again}`);
  };
  const rowsIn = (stored: Stored): RowMatrix =>
    stored instanceof Float32Array ? floatRows(stored, dim) : eightBitRows(stored, dim, code as EightBits);
  let whole: RowMatrix | null = null;
  return {
    model: header.model,
    weightsHash: header.weightsHash,
    dim,
    count,
    rows(from, to) {
      if (whole !== null) return whole.rows(from, to);
      for (let block = Math.floor(from / blockRows); block * blockRows < to; block++)
        if (checked[block] === 0) check(block, read(block * blockRows, block * blockRows + rowsOfBlock(header, block)));
      const stored = read(from, to);
      return stored instanceof Float32Array ? stored : decoded(stored, code as EightBits);
    },
    row(index) {
      return this.rows(index, index + 1);
    },
    stored() {
      if (whole !== null) return whole;
      const mapped = mapFile(path);
      const form = code === null ? Float32Array : Int8Array;
      const all = mapped?.byteLength === bytesOf(header) ? new form(mapped) : read(0, count);
      const matrix = rowsIn(all);
      for (let block = 0; block < checked.length; block++) {
        if (checked[block] === 1) continue;
        const [from, to] = [block * blockRows, block * blockRows + rowsOfBlock(header, block)];
        check(block, all.subarray(from * dim, to * dim));
        matrix.forget(from, to);
      }
      whole = matrix;
      return whole;
    },
    matrix() {
      return this.stored().rows(0, count);
    },
    close: () => closeSync(file),
  };
}

/** Throws OTHER_DATA where the survey's catalogue is not the one that the features were computed of. */
export function mustBeOf(survey: string, header: FeatureHeader): void {
  const path = join(survey, "survey.json");
  if (!existsSync(path)) return;
  const { dataHash } = readJson(path) as { dataHash?: string };
  if (dataHash === undefined || dataHash === header.dataHash) return;
  throw new SkyloopError(
    "OTHER_DATA",
    `the features of ${header.model} in ${survey} are of other data (${header.dataHash.slice(0, 12)}, the survey is ${dataHash.slice(0, 12)}); delete ${folderOf(survey, header.model)} and run \`skyloop embed ${survey}\` again`,
  );
}

/** A feature set being written; `finished` tells which blocks need no work. */
export interface FeatureWriter {
  readonly header: FeatureHeader;
  readonly blocks: number;
  finished(block: number): boolean;
  /** Writes the rows of one block, [rows, dim]; a kill takes the blocks of the last two seconds, but for the first one. */
  write(block: number, rows: Float32Array): void;
  /** Lists what is finished, and closes. */
  close(): void;
}

/**
 * Opens a set for writing, going on with what a stopped run left. Throws OTHER_WEIGHTS where the folder holds features
 * of other weights or of other data, LOCKED where another process writes it.
 */
export function writeFeatures(survey: string, wanted: Omit<FeatureHeader, "blocksDone">): FeatureWriter {
  checkName(survey, wanted.model);
  const folder = folderOf(survey, wanted.model, wanted.shard);
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder, "embed");
  const headerPath = join(folder, "features.json");
  try {
    const header: FeatureHeader = existsSync(headerPath) ? headerIn(headerPath) : { ...wanted, blocksDone: [] };
    for (const key of ["weightsHash", "dataHash", "dim", "count", "blockRows", "precision"] as const)
      if (header[key] !== wanted[key])
        throw new SkyloopError(
          "OTHER_WEIGHTS",
          `${folder} holds features with ${key} ${header[key]}, asked for ${wanted[key]}; give the new ones another name (\`--name\`) or delete the folder`,
        );
    const { file, sound } = openForWriting(matrixIn(folder, header), header);
    const code = eightBitsOf(header);
    header.blocksDone = [...sound.keys()];
    header.sums = [...sound.values()];
    const done = new Set(header.blocksDone);
    const blocks = Math.ceil(wanted.count / wanted.blockRows);
    let since = performance.now();
    let listedAt = Number.NEGATIVE_INFINITY;
    let unlisted = false;
    const list = () => {
      try {
        fsyncSync(file);
      } catch (cause) {
        throw writeError(folder, cause);
      }
      writeFileAtomic(headerPath, JSON.stringify(header));
      [listedAt, unlisted] = [performance.now(), false];
    };
    return {
      header,
      blocks,
      finished: (block) => done.has(block),
      write(block, rows) {
        const expected = Math.min(header.blockRows, header.count - block * header.blockRows) * header.dim;
        if (rows.length !== expected)
          throw new SkyloopError("FEATURES_BROKEN", `block ${block} needs ${expected} numbers, got ${rows.length}`);
        const bad = notFinite(rows, header.dim);
        if (bad >= 0)
          throw new SkyloopError(
            "FEATURES_NOT_FINITE",
            `the features of ${header.model} for object ${block * header.blockRows + bad + 1} hold NaN or infinity; the weights or that stamp are damaged, and nothing of them was kept`,
          );
        const stored = code === null ? rows : encoded(rows, code);
        try {
          const view = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
          const start = block * header.blockRows * header.dim * stored.BYTES_PER_ELEMENT;
          for (let done = 0; done < view.length; )
            done += writeSync(file, view, done, view.length - done, start + done);
        } catch (cause) {
          throw writeError(folder, cause);
        }
        const again = done.has(block);
        if (again) header.sums?.splice(header.blocksDone.indexOf(block), 1, crc32(stored));
        else {
          done.add(block);
          header.blocksDone.push(block);
          header.sums?.push(crc32(stored));
        }
        header.seconds = (header.seconds ?? 0) + (performance.now() - since) / 1000;
        since = performance.now();
        unlisted = true;
        if (again || done.size === blocks || since - listedAt >= LIST_EVERY_MS) list();
      },
      close() {
        try {
          if (unlisted) list();
        } finally {
          closeSync(file);
          release();
        }
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Opens the matrix at its full length, and finds the checksums of the blocks that are as they were written. */
function openForWriting(path: string, header: FeatureHeader): { file: number; sound: Map<number, number> } {
  const bytes = bytesOf(header);
  const length = lengthOf(path);
  const file = openSync(path, length < 0 ? "w+" : "r+");
  const sound = new Map<number, number>();
  // What is longer than it should be and has no checksums may be of anything.
  const trusted = header.sums !== undefined || length <= bytes ? header.blocksDone : [];
  for (const block of trusted) {
    const values = storedOf(header, rowsOfBlock(header, block) * header.dim);
    if (readRows(file, header, block * header.blockRows, values) && faultOf(header, block, values, true) === null)
      sound.set(block, crc32(values));
  }
  ftruncateSync(file, bytes);
  return { file, sound };
}
