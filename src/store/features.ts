/**
 * Features of a survey on disk: `features/<model>/features.f32`, a little-endian float32 matrix [count, dim] that can
 * be memory-mapped, and `features.json`, which says whose weights made it and which blocks of rows are finished. Blocks
 * are written, synced, and only then listed as done, so that a killed run goes on where it was.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { readJson, writeError, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import type { FeatureSet } from "../contract/api.ts";

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
  blocksDone: number[];
}

const folderOf = (survey: string, model: string) => join(survey, "features", model);

function readHeader(survey: string, model: string): FeatureHeader {
  const path = join(folderOf(survey, model), "features.json");
  if (!existsSync(path)) {
    const others = listFeatures(survey).map((set) => set.model);
    throw new SkyloopError(
      "FEATURES_MISSING",
      `${survey} has no features of ${model}${others.length > 0 ? ` (it has: ${others.join(", ")})` : ""}; run \`skyloop embed ${survey} --model ${model}\``,
    );
  }
  return readJson(path) as FeatureHeader;
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
      const header = readJson(join(folder, name, "features.json")) as FeatureHeader;
      return {
        model: header.model,
        weightsHash: header.weightsHash,
        dim: header.dim,
        done: rowsDone(header),
        total: header.count,
      };
    });
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
  /** All rows [count, dim]; read once and kept, in memory that other threads may share. */
  matrix(): Float32Array;
  close(): void;
}

/** Opens a finished set. Throws FEATURES_MISSING, FEATURES_UNFINISHED, FEATURES_BROKEN. */
export function openFeatures(survey: string, model: string): Features {
  const header = readHeader(survey, model);
  const { dim, count } = header;
  if (rowsDone(header) < count)
    throw new SkyloopError(
      "FEATURES_UNFINISHED",
      `features of ${model} are finished for ${rowsDone(header)} of ${count} objects; run \`skyloop embed ${survey} --model ${model}\` to go on`,
    );
  const path = join(folderOf(survey, model), "features.f32");
  const file = openSync(path, "r");
  const bytes = fstatSync(file).size;
  if (bytes !== count * dim * 4) {
    closeSync(file);
    throw new SkyloopError(
      "FEATURES_BROKEN",
      `${path} has ${bytes} bytes, ${count} x ${dim} float32 need ${count * dim * 4}; delete the folder and run \`skyloop embed\` again`,
    );
  }
  let whole: Float32Array | null = null;
  const read = (from: number, into: Float32Array) => {
    const view = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    for (let done = 0; done < view.length; )
      done += readSync(file, view, done, Math.min(view.length - done, 2 ** 30), from * dim * 4 + done);
    return into;
  };
  return {
    model: header.model,
    weightsHash: header.weightsHash,
    dim,
    count,
    rows: (from, to) =>
      whole === null ? read(from, new Float32Array((to - from) * dim)) : whole.subarray(from * dim, to * dim),
    row(index) {
      return this.rows(index, index + 1);
    },
    matrix() {
      whole ??= read(0, new Float32Array(new SharedArrayBuffer(count * dim * 4)));
      return whole;
    },
    close: () => closeSync(file),
  };
}

/** A feature set being written; `finished` tells which blocks need no work. */
export interface FeatureWriter {
  readonly header: FeatureHeader;
  readonly blocks: number;
  finished(block: number): boolean;
  /** Writes the rows of one block, [rows, dim], durably. */
  write(block: number, rows: Float32Array): void;
  close(): void;
}

/**
 * Opens a set for writing, going on with what a stopped run left. Throws OTHER_WEIGHTS where the folder holds features
 * of other weights or of other data, LOCKED where another process writes it.
 */
export function writeFeatures(survey: string, wanted: Omit<FeatureHeader, "blocksDone">): FeatureWriter {
  const folder = folderOf(survey, wanted.model);
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder, "embed");
  const headerPath = join(folder, "features.json");
  try {
    const header: FeatureHeader = existsSync(headerPath)
      ? (readJson(headerPath) as FeatureHeader)
      : { ...wanted, blocksDone: [] };
    for (const key of ["weightsHash", "dataHash", "dim", "count", "blockRows", "precision"] as const)
      if (header[key] !== wanted[key])
        throw new SkyloopError(
          "OTHER_WEIGHTS",
          `${folder} holds features with ${key} ${header[key]}, asked for ${wanted[key]}; give the new ones another name (\`--name\`) or delete the folder`,
        );
    const file = openSync(join(folder, "features.f32"), existsSync(join(folder, "features.f32")) ? "r+" : "w+");
    ftruncateSync(file, wanted.count * wanted.dim * 4);
    return {
      header,
      blocks: Math.ceil(wanted.count / wanted.blockRows),
      finished: (block) => header.blocksDone.includes(block),
      write(block, rows) {
        const expected = Math.min(header.blockRows, header.count - block * header.blockRows) * header.dim;
        if (rows.length !== expected)
          throw new SkyloopError("FEATURES_BROKEN", `block ${block} needs ${expected} numbers, got ${rows.length}`);
        try {
          const view = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
          for (let done = 0; done < view.length; )
            done += writeSync(file, view, done, view.length - done, block * header.blockRows * header.dim * 4 + done);
          fsyncSync(file);
        } catch (cause) {
          throw writeError(folder, cause);
        }
        header.blocksDone.push(block);
        writeFileAtomic(headerPath, JSON.stringify(header));
      },
      close() {
        closeSync(file);
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
