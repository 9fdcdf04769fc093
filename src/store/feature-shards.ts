/** Features computed in parts, by tasks that need not know of one another, and put together when all are there. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "../base/checksum.ts";
import { SkyloopError } from "../base/errors.ts";
import { openToRead, writeError, writeFileAtomic } from "../base/files.ts";
import { isLocked, lockFolder } from "../base/lock.ts";
import { bytesOf, faultOf, matrixIn, readRows, rowsOfBlock } from "./feature-blocks.ts";
import { type FeatureHeader, headerIn, mustBeOf, openFeatures } from "./features.ts";
import { writeInt8 } from "./int8-features.ts";

/** One part of a feature set: `missing` where nothing of it is there, `stopped` where a run ended before its end. */
export interface ShardState {
  part: number;
  of: number;
  state: "missing" | "running" | "stopped" | "done";
  rows: number;
  done: number;
  seconds: number;
  weightsHash: string | null;
}

const shardsOf = (survey: string, model: string) => join(survey, "features", model, "shards");

/** What there is of every part of a model's features. Throws SHARDS_MISSING, SHARDS_MIXED, FEATURES_BROKEN. */
export function listShards(survey: string, model: string): ShardState[] {
  const folder = shardsOf(survey, model);
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const found = new Map<number, ShardState>();
  let parts = 0;
  for (const name of names) {
    const [, part, of] = (/^(\d+)-of-(\d+)$/.exec(name) ?? []).map(Number);
    if (of === undefined) continue;
    if (parts !== 0 && of !== parts)
      throw new SkyloopError(
        "SHARDS_MIXED",
        `${folder} holds parts of ${parts} and of ${of}; delete those of the division that you do not want`,
      );
    parts = of;
    found.set(part, stateOf(join(folder, name), part, of));
  }
  if (parts === 0)
    throw new SkyloopError(
      "SHARDS_MISSING",
      `${survey} has no parts of features of ${model}; make them with \`skyloop embed ${survey} --model ${model} --shard 1/N\` and so on`,
    );
  return Array.from(
    { length: parts },
    (_, i) =>
      found.get(i + 1) ?? { part: i + 1, of: parts, state: "missing", rows: 0, done: 0, seconds: 0, weightsHash: null },
  );
}

function stateOf(folder: string, part: number, of: number): ShardState {
  const running = isLocked(folder, "embed");
  const path = join(folder, "features.json");
  const nothing = { part, of, rows: 0, done: 0, seconds: 0, weightsHash: null };
  if (!existsSync(path)) return { ...nothing, state: running ? "running" : "stopped" };
  const header = headerIn(path);
  const { blocksDone, blockRows, count, weightsHash, seconds = 0 } = header;
  const done = blocksDone.reduce((sum, block) => sum + Math.min(blockRows, count - block * blockRows), 0);
  const state = done === count ? "done" : running ? "running" : "stopped";
  return { part, of, state, rows: count, done, seconds, weightsHash };
}

/** The finished parts of a set in their order. Throws SHARDS_UNFINISHED, OTHER_WEIGHTS. */
function finishedParts(survey: string, model: string): { folder: string; folders: string[]; headers: FeatureHeader[] } {
  const states = listShards(survey, model);
  const missing = states.filter(({ state }) => state !== "done");
  if (missing.length > 0)
    throw new SkyloopError(
      "SHARDS_UNFINISHED",
      `${missing.length} of ${states.length} parts are not finished: ${missing
        .slice(0, 12)
        .map(({ part, state, done, rows }) => `${part} (${state}${rows > 0 ? `, ${done} of ${rows} objects` : ""})`)
        .join(", ")}${missing.length > 12 ? ", …" : ""}; run them again, or \`skyloop shards retry ${survey}\``,
    );
  const folder = shardsOf(survey, model);
  const folders = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  const headers = folders.map((one) => headerIn(join(one, "features.json")));
  const [first] = headers;
  if (headers.some(({ weightsHash, dataHash, dim }) => differs(first, { weightsHash, dataHash, dim })))
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `the parts in ${folder} are of different weights or data; delete those of the wrong ones and compute them again`,
    );
  return { folder, folders, headers };
}

/** A survey's features one block after another: of the whole set or, where there is none, of its finished parts. */
export interface FeatureStream {
  weightsHash: string;
  dim: number;
  count: number;
  /** How many files they are in. */
  parts: number;
  /** Blocks [rows, dim] in the order of the catalogue, each checked. */
  blocks(): Generator<Float32Array>;
}

/**
 * Reads a survey's features in little memory, however many there are. Throws FEATURES_MISSING, FEATURES_UNFINISHED,
 * SHARDS_UNFINISHED, OTHER_WEIGHTS, OTHER_DATA, FEATURES_BROKEN.
 */
export function streamFeatures(survey: string, model: string): FeatureStream {
  const whole = join(survey, "features", model, "features.json");
  if (existsSync(whole) || !existsSync(shardsOf(survey, model))) {
    const features = openFeatures(survey, model);
    const { weightsHash, dim, count } = features;
    return {
      weightsHash,
      dim,
      count,
      parts: 1,
      *blocks() {
        const { blockRows } = headerIn(whole);
        try {
          for (let from = 0; from < count; from += blockRows)
            yield features.rows(from, Math.min(count, from + blockRows));
        } finally {
          features.close();
        }
      },
    };
  }
  const { folders, headers } = finishedParts(survey, model);
  mustBeOf(survey, headers[0]);
  const { weightsHash, dim } = headers[0];
  const count = headers.reduce((sum, part) => sum + part.count, 0);
  return { weightsHash, dim, count, parts: headers.length, blocks: () => blocksOf(folders, headers) };
}

/**
 * Puts the parts together: the same file, bit for bit, as one run writes. Every block is checked against its sum; the
 * parts are removed when the whole is written, unless `keep`. With `int8` the whole is stored in eight bits, as
 * `storeInInt8` stores it. Throws SHARDS_UNFINISHED with the parts that are missing, OTHER_WEIGHTS where parts are of
 * different weights, FEATURES_BROKEN with what a part holds of what it should.
 */
export function joinShards(survey: string, model: string, { keep = false, int8 = false } = {}): FeatureHeader {
  const { folder, folders, headers } = finishedParts(survey, model);
  const [first] = headers;
  const whole = join(survey, "features", model);
  const path = join(whole, "features.json");
  if (existsSync(path) && differs(first, headerIn(path)))
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `${whole} holds features of other weights or data than its parts; give those another name, or delete them`,
    );
  const release = lockFolder(whole, "embed");
  try {
    const header = int8
      ? writeInt8(whole, first, () => blocksOf(folders, headers)).header
      : copyParts(folders, headers, join(whole, "features.f32"));
    writeFileAtomic(path, JSON.stringify(header));
    rmSync(matrixIn(whole, int8 ? {} : { int8: { offset: [], scale: [] } }), { force: true });
    if (!keep) rmSync(folder, { recursive: true, force: true });
    return header;
  } finally {
    release();
  }
}

/** The blocks of the parts one after another, each checked. */
function* blocksOf(folders: string[], headers: FeatureHeader[]): Generator<Float32Array> {
  for (const [i, part] of headers.entries()) {
    const again = `run that part again (\`--shard ${part.shard?.part}/${part.shard?.of}\`)`;
    const path = matrixIn(folders[i], part);
    const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes < bytesOf(part))
      throw new SkyloopError(
        "FEATURES_BROKEN",
        `${path} holds ${Math.floor((bytes / bytesOf(part)) * part.count)} of the part's ${part.count} objects; ${again}`,
      );
    const file = openToRead(path);
    try {
      for (let block = 0; block < part.blocksDone.length; block++) {
        const values = new Float32Array(rowsOfBlock(part, block) * part.dim);
        const fault = readRows(file, part, block * part.blockRows, values) ? faultOf(part, block, values) : "is cut";
        if (fault !== null)
          throw new SkyloopError("FEATURES_BROKEN", `${folders[i]}: block ${block} ${fault}; ${again}`);
        yield values;
      }
    } finally {
      closeSync(file);
    }
  }
}

/** Copies the blocks of the parts one after another and returns the header of the whole. */
function copyParts(folders: string[], headers: FeatureHeader[], into: string): FeatureHeader {
  const [{ shard: _, seconds: __, ...first }] = headers;
  const header: FeatureHeader = { ...first, count: 0, blocksDone: [], sums: [] };
  const out = openSync(into, existsSync(into) ? "r+" : "w");
  try {
    for (const values of blocksOf(folders, headers)) {
      writeAll(out, new Uint8Array(values.buffer), header.count * first.dim * 4);
      header.blocksDone.push(header.blocksDone.length);
      header.sums?.push(crc32(values));
      header.count += values.length / first.dim;
    }
    ftruncateSync(out, header.count * header.dim * 4);
    fsyncSync(out);
    return header;
  } catch (cause) {
    throw writeError(into, cause);
  } finally {
    closeSync(out);
  }
}

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done);
}

const differs = (
  first: FeatureHeader,
  { weightsHash, dataHash, dim }: Pick<FeatureHeader, "weightsHash" | "dataHash" | "dim">,
) => first.weightsHash !== weightsHash || first.dataHash !== dataHash || first.dim !== dim;
