/**
 * The last full ranking of a session on disk: `loop/<session>.scores`, the round (float64) and a float32 score an
 * object, row by row.
 */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { readWhole, writeFileAtomic } from "../base/files.ts";

const scoresPath = (folder: string, session: string) => join(folder, "loop", `${session}.scores`);

/** Keeps the scores [count] of a session's last ranking, whole or not at all. Throws DISK_FULL or WRITE_FAILED. */
export function writeScores(folder: string, session: string, round: number, scores: Float32Array): void {
  mkdirSync(join(folder, "loop"), { recursive: true });
  writeFileAtomic(scoresPath(folder, session), [
    new Uint8Array(Float64Array.of(round).buffer),
    new Uint8Array(scores.buffer, scores.byteOffset, scores.byteLength),
  ]);
}

/** The scores of `count` objects, or null where there are none (or of another survey). */
export function readScores(folder: string, session: string, count: number): Float32Array | null {
  const path = scoresPath(folder, session);
  if (!existsSync(path)) return null;
  const bytes = readWhole(path);
  if (bytes.length !== 8 + 4 * count) return null;
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + 8, bytes.byteOffset + bytes.length));
}

/** The round whose learner gave the scores, or 0. */
export function scoredRound(folder: string, session: string): number {
  const path = scoresPath(folder, session);
  const bytes = existsSync(path) ? readWhole(path) : Buffer.alloc(0);
  return bytes.length < 8 ? 0 : bytes.readDoubleLE(0);
}

/** Changes with every ranking that is written. */
export function scoresVersion(folder: string, session: string): string {
  const file = statSync(scoresPath(folder, session), { throwIfNoEntry: false });
  return file === undefined ? "none" : `${file.mtimeMs} ${file.ino}`;
}
