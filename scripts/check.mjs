#!/usr/bin/env node
/**
 * Every check there is: lint, types, layers and exports, types beside the others; then unit tests (golden and leak tests among
 * them), then browser tests. All of them run, whatever fails. Tests that failed are told again at the end; the last line counts
 * tests: `N passed, N failed, N skipped`. Ends with 1 if anything failed. `node scripts/check.mjs lint unit` runs only those.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countTests, failedTests } from "./count-tests.mjs";
import { ROOT } from "./stamps.mjs";

const REPORTS = join(ROOT, ".skyloop", "check");
const tool = (path, ...args) => [process.execPath, join(ROOT, "node_modules", path), ...args];
const vitest = (name, ...args) =>
  tool(
    "vitest/vitest.mjs",
    "run",
    ...args,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportOf(name)}`,
  );
const reportOf = (name) => join(REPORTS, `${name}.json`);

const CHECKS = {
  lint: tool("@biomejs/biome/bin/biome", "check", "."),
  types: tool("typescript/bin/tsc", "--noEmit"),
  layers: tool("tsx/dist/cli.mjs", "scripts/layers.ts"),
  exports: tool("tsx/dist/cli.mjs", "scripts/exports.ts"),
  unit: vitest("unit"),
  e2e: vitest("e2e", "--config", "vitest.e2e.config.ts"),
};
const WITH_TESTS = ["unit", "e2e"];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in CHECKS));
if (unknown.length) {
  process.stderr.write(`unknown check ${unknown.join(", ")}; there are ${Object.keys(CHECKS).join(", ")}\n`);
  process.exit(2);
}

rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });

/** Runs a check; what it prints is shown at once, or, where others run beside it, when it has ended. */
async function run(name, shared) {
  const title = `\n── ${name}\n`;
  const printed = [];
  if (!shared) process.stdout.write(title);
  const start = performance.now();
  const env = { ...process.env, OMP_WAIT_POLICY: "PASSIVE", GOMP_SPINCOUNT: "3000" };
  const [program, ...args] = CHECKS[name];
  const out = shared ? "pipe" : "inherit";
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", out, out] });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part) => printed.push(part));
  const [status, signal] = await new Promise((done) => {
    child.once("close", (...how) => done(how));
    child.once("error", (error) => {
      printed.push(`${error.message}\n`);
      done([1, null]);
    });
  });
  if (signal === "SIGINT") process.exit(130);
  if (shared) {
    process.stdout.write(title);
    for (const part of printed) process.stdout.write(part);
  }
  return { name, ok: status === 0, seconds: (performance.now() - start) / 1000 };
}

/** Some checks, one after another. */
async function inTurn(names, shared) {
  const found = [];
  for (const name of names) found.push(await run(name, shared));
  return found;
}

const wanted = Object.keys(CHECKS).filter((name) => asked.length === 0 || asked.includes(name));
const only = (names) => wanted.filter((name) => names.includes(name));
const beside = await Promise.all([inTurn(only(["lint", "layers", "exports"]), true), inTurn(only(["types"]), true)]);
const results = [...beside.flat(), ...(await inTurn(only(WITH_TESTS), false))];

const failed = [];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const { name, ok } of results.filter(({ name }) => WITH_TESTS.includes(name))) {
  const report = existsSync(reportOf(name)) ? reportOf(name) : null;
  const counts = countTests(report, ok);
  if (report) failed.push(...failedTests(report, ROOT));
  for (const kind of Object.keys(total)) total[kind] += counts[kind];
}

process.stdout.write("\n");
for (const { name, ok, seconds } of results)
  process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s\n`);
for (const test of failed) process.stdout.write(`\nFAILED ${test}\n`);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
