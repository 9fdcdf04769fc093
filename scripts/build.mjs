#!/usr/bin/env node
/** Compiles src/ to dist/, with declarations of what the package exports. Nothing of a failed or interrupted build is left in dist/. */
import { existsSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand, StepError, showStep } from "./run-command.mjs";
import { newestChange, ROOT } from "./stamps.mjs";

const DIST = join(ROOT, "dist");
const BUILT = join(DIST, ".built");

/** Whether dist/ holds what src/ says: nothing in src/ changed since the build started. */
export function isDistFresh() {
  if (!existsSync(BUILT)) return false;
  return !existsSync(join(ROOT, "src")) || newestChange(join(ROOT, "src")) <= statSync(BUILT).mtimeMs;
}

/** Says that dist/ is up to date although files in src/ were touched: their content is what it was built from. */
export function markDistFresh() {
  const now = new Date();
  if (existsSync(BUILT)) utimesSync(BUILT, now, now);
}

/**
 * Compiles into a folder beside dist/ (so that source maps keep their paths) and puts it in dist's place when it is
 * whole.
 */
export async function buildTypescript(onLine) {
  const started = new Date();
  const made = join(ROOT, `dist-${process.pid}.partial`);
  try {
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const remedy = "fix the type errors above, or restore src/ (git status shows what changed)";
    // Types of what other programs import (package.json, "exports") beside the code of everything.
    for (const project of ["build", "types"])
      await runCommand(
        "typescript",
        [process.execPath, compiler, "-p", join(ROOT, `tsconfig.${project}.json`), "--outDir", made],
        { remedy, onLine },
      );
    writeFileSync(join(made, ".built"), "");
    utimesSync(join(made, ".built"), started, started);
    rmSync(DIST, { recursive: true, force: true });
    renameSync(made, DIST);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await showStep("build dist/", buildTypescript);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    process.stderr.write(`${error.message}\n  ${error.remedy}\n`);
    process.exitCode = 1;
  }
}
