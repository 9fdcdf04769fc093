import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const STAMPS = join(ROOT, ".skyloop", "setup");

/**
 * SHA-256 over these files and folders (every file below, in order of name) and further facts that the result depends
 * on.
 */
export function hashInputs(paths, facts = []) {
  const hash = createHash("sha256").update(JSON.stringify(facts));
  for (const path of paths.flatMap((path) => filesBelow(join(ROOT, path))))
    hash.update(`\0${path.slice(ROOT.length)}\0`).update(readFileSync(path));
  return hash.digest("hex");
}

/** Whether the step was last finished with these inputs and what it made is still there. */
export function isUpToDate(step, inputs, outputs) {
  const stamp = join(STAMPS, step);
  return (
    existsSync(stamp) && readFileSync(stamp, "utf8") === inputs && outputs.every((path) => existsSync(join(ROOT, path)))
  );
}

export function writeStamp(step, inputs) {
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(join(STAMPS, step), inputs);
}

/** The time of the last change below a folder, in milliseconds; folders count too, so that a removed file is seen. */
export function newestChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}

/** The page that is built, and what of this repository it is built from. */
export const PAGE = "web/dist/index.html";
export const pageInputs = () => hashInputs(["web", "src/contract", "vite.config.ts", "package-lock.json"]);

/** Whether the built page is that of web/: setup built it from these files, or somebody did after the last change. */
export function isPageFresh() {
  if (!existsSync(join(ROOT, PAGE))) return false;
  if (isUpToDate("page", pageInputs(), [PAGE])) return true;
  const parts = readdirSync(join(ROOT, "web")).filter((name) => !GENERATED.has(name));
  const changed = [...parts.map((name) => join("web", name)), "src/contract"].map((path) =>
    newestChange(join(ROOT, path)),
  );
  return Math.max(...changed) <= statSync(join(ROOT, PAGE)).mtimeMs;
}

const GENERATED = new Set(["node_modules", "dist", "build"]);

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => !GENERATED.has(name));
  return names.sort().flatMap((name) => filesBelow(join(path, name)));
}
