#!/usr/bin/env node
/**
 * `node scripts/sanitise-tests.mjs [TESTS…]`: the addons of native/ (operators, kernels, FITS, mapped files), built with
 * AddressSanitizer and UndefinedBehaviorSanitizer in a copy of the project, and the tests that reach them (or TESTS).
 * Prints each report once; fails where there is one or a test fails. libtorch and cfitsio themselves are not built so.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLibtorch } from "./find-libtorch.mjs";
import { nativeBuild } from "./native-build.mjs";
import { ROOT } from "./stamps.mjs";

const TESTS = [
  "src/base/map-file.test.ts",
  "src/batches/convolve.test.ts",
  "src/batches/deconvolve.test.ts",
  "src/models/feature-projection.test.ts",
  "src/models/mask-rcnn/mask-rcnn.test.ts",
  "src/models/swin-blocks.test.ts",
  "src/models/swin-unet.test.ts",
  "src/nn/",
  "src/store/features.test.ts",
  "src/survey/create.test.ts",
  "src/survey/fits-header.test.ts",
  "src/survey/fits-values.test.ts",
  "src/survey/intake.test.ts",
  "src/torch/torch.test.ts",
  "src/torch/threads.test.ts",
  "src/train/classify/train-network.test.ts",
  "test/leak/",
];
// Undefined behaviour ends the process, so that the test fails: its report goes to the process's own stderr.
const SANITIZE =
  "-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1 -O1";
const TIME = 20 * 60_000;

const copy = mkdtempSync(join(tmpdir(), "skyloop-sanitise-"));
const reports = join(copy, "reports");
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const listed = spawnSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).stdout.split("\0");
for (const file of listed.filter((name) => name !== "")) cpSync(join(ROOT, file), join(copy, file));
symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
mkdirSync(reports);

function run(command, env, timeout) {
  const { status, signal } = spawnSync(command[0], command.slice(1), {
    cwd: copy,
    env: { ...process.env, ...env },
    stdio: "inherit",
    timeout,
  });
  return status ?? signal;
}

const { command, env } = nativeBuild(findLibtorch(), copy);
const built = run(command, { ...env, CXXFLAGS: SANITIZE, LDFLAGS: "-fsanitize=address,undefined" }, TIME);
if (built !== 0) throw new Error(`the build ended with ${built}`);

const library = (name) => spawnSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim();
const checks = {
  // The sanitizers come before everything else; libstdc++ so that they find what throws.
  LD_PRELOAD: ["libasan.so", "libubsan.so", "libstdc++.so.6"].map(library).join(" "),
  // Node and libtorch keep memory until the end, and libtorch's vectors are not marked as ours are.
  ASAN_OPTIONS: `detect_leaks=0:detect_container_overflow=0:allocator_may_return_null=1:log_path=${join(reports, "report")}`,
  UBSAN_OPTIONS: "print_stacktrace=1",
  // The sanitizer's own map of memory counts as the process's.
  SKYLOOP_DECODE_MB: "100000000",
};
const tests = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
const vitest = [process.execPath, "node_modules/vitest/vitest.mjs", "run", "--testTimeout", "300000", ...tests];
const ended = run(vitest, checks, TIME);

/** What a report says, without the addresses that differ between processes. */
const gist = (text) => {
  const fault = /ERROR: AddressSanitizer: [^\n]*|[^\n]*runtime error: [^\n]*/.exec(text)?.[0] ?? text.slice(0, 200);
  const frames = [...text.matchAll(/^ *#\d+ 0x[0-9a-f]+ in ([^\n]*)/gm)].slice(0, 6).map(([, frame]) => `    ${frame}`);
  return [fault.replace(/==\d+==|0x[0-9a-f]+/g, ""), ...frames].join("\n");
};
const found = new Set(readdirSync(reports).map((name) => gist(readFileSync(join(reports, name), "utf8"))));
for (const one of found) process.stdout.write(`${one}\n`);
process.stdout.write(`${found.size} reports of the sanitizers; the tests ended with ${ended}\n`);
process.exitCode = found.size === 0 && ended === 0 ? 0 : 1;
