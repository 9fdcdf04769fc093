/** What a recipe has computed, kept in files: a recipe that was stopped goes on where it was. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hashBytes, readJson, writeFileAtomic } from "../../src/base/files.ts";

/** What was kept at `path` for the same `key` (anything that JSON can hold), or null. */
export function keptCell<T>(path: string, key: unknown): T | null {
  if (!existsSync(path)) return null;
  const found = readJson(path) as { hash?: string; value: T };
  return found.hash === hashBytes(JSON.stringify(key)) ? found.value : null;
}

/** Keeps `value` at `path` for `key`; folders are made as needed, and a kill leaves the old file or the new one. */
export function keepCell<T>(path: string, key: unknown, value: T): T {
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, `${JSON.stringify({ hash: hashBytes(JSON.stringify(key)), value }, null, 1)}\n`);
  return value;
}

/** What was kept at `path` for the same `key`, or what `make` gives, which is then kept. */
export async function kept<T>(path: string, key: unknown, make: () => T | Promise<T>): Promise<T> {
  return keptCell<T>(path, key) ?? keepCell(path, key, await make());
}
