/** Features computed in parts, by tasks that need not know of one another, and put together when all are there. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "../base/checksum.ts";
import { SkyloopError } from "../base/errors.ts";
import { openToRead, writeError, writeFileAtomic } from "../base/files.ts";
import { isLocked, lockFolder } from "../base/lock.ts";
import { faultOf, readRows, rowsOfBlock } from "./feature-blocks.ts";
import { type FeatureHeader, headerIn } from "./features.ts";

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

/**
 * Puts the parts together: the same file, bit for bit, as one run writes. Every block is checked against its sum; the
 * parts are removed when the whole is written, unless `keep`. Throws SHARDS_UNFINISHED with the parts that are missing,
 * OTHER_WEIGHTS where parts are of different weights, FEATURES_BROKEN.
 */
export function joinShards(survey: string, model: string, { keep = false } = {}): FeatureHeader {
  const states = listShards(survey, model);
  const missing = states.filter(({ state }) => state !== "done");
  if (missing.length > 0)
    throw new SkyloopError(
      "SHARDS_UNFINISHED",
      `${missing.length} of ${states.length} parts are not finished: ${missing
        .slice(0, 12)
        .map(({ part, state }) => `${part} (${state})`)
        .join(", ")}${missing.length > 12 ? ", …" : ""}; run them again, or \`skyloop shards retry ${survey}\``,
    );
  const folder = shardsOf(survey, model);
  const names = readdirSync(folder).sort();
  const headers = names.map((name) => headerIn(join(folder, name, "features.json")));
  const [first] = headers;
  if (headers.some(({ weightsHash, dataHash, dim }) => differs(first, { weightsHash, dataHash, dim })))
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `the parts in ${folder} are of different weights or data; delete those of the wrong ones and compute them again`,
    );
  const whole = join(survey, "features", model);
  const path = join(whole, "features.json");
  if (existsSync(path) && differs(first, headerIn(path)))
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `${whole} holds features of other weights or data than its parts; give those another name, or delete them`,
    );
  const release = lockFolder(whole, "embed");
  try {
    const header = copyParts(
      names.map((name) => join(folder, name)),
      headers,
      join(whole, "features.f32"),
    );
    writeFileAtomic(path, JSON.stringify(header));
    if (!keep) rmSync(folder, { recursive: true, force: true });
    return header;
  } finally {
    release();
  }
}

/** Copies the blocks of the parts one after another, each checked, and returns the header of the whole. */
function copyParts(folders: string[], headers: FeatureHeader[], into: string): FeatureHeader {
  const [{ shard: _, seconds: __, ...first }] = headers;
  const header: FeatureHeader = { ...first, count: 0, blocksDone: [], sums: [] };
  const out = openSync(into, existsSync(into) ? "r+" : "w");
  try {
    for (const [i, part] of headers.entries()) {
      const file = openToRead(join(folders[i], "features.f32"));
      const sums = new Map(part.blocksDone.map((block, at) => [block, part.sums?.[at]]));
      try {
        for (let block = 0; block < part.blocksDone.length; block++) {
          const values = new Float32Array(rowsOfBlock(part, block) * part.dim);
          const fault = readRows(file, part, block * part.blockRows, values) ? faultOf(part, block, values) : "is cut";
          if (fault !== null)
            throw new SkyloopError(
              "FEATURES_BROKEN",
              `${folders[i]}: block ${block} ${fault}; run that part again (\`--shard ${part.shard?.part}/${part.shard?.of}\`)`,
            );
          writeAll(out, new Uint8Array(values.buffer), header.count * part.dim * 4);
          header.blocksDone.push(header.blocksDone.length);
          header.sums?.push(sums.get(block) ?? crc32(values));
          header.count += values.length / part.dim;
        }
      } finally {
        closeSync(file);
      }
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
