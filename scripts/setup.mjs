#!/usr/bin/env node
/**
 * Makes a fresh clone ready to run with nothing but Node: system packages, npm packages, native addons, compiled
 * TypeScript, the page. What is up to date is skipped. `--test` adds what only the tests need. Uses Node's built-in
 * modules only.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildTypescript, markDistFresh } from "./build.mjs";
import { findLibtorch } from "./find-libtorch.mjs";
import { nativeBuild } from "./native-build.mjs";
import { installedPackagesMatch } from "./npm-packages.mjs";
import { runCommand, StepError, showStep } from "./run-command.mjs";
import { hashInputs, isUpToDate, PAGE, pageInputs, ROOT, writeStamp } from "./stamps.mjs";
import { aptCommands, blasWarning, linesFor, missingNeeds } from "./system-packages.mjs";

const forTests = process.argv.includes("--test");

async function installSystemPackages() {
  const missing = missingNeeds(forTests);
  if (missing.length === 0) return;
  const remedy = `run these lines, then the same command again:\n${linesFor(missing)
    .map((line) => `    ${line}`)
    .join("\n")}`;
  const what = missing.map((need) => need.what).join(", ");
  const apt = aptCommands(missing);
  if (!apt) throw new StepError(`missing on this system: ${what}`, remedy);
  await showStep(`system packages (${what})`, async (onLine) => {
    // A fresh container has no package lists, and an old one stale lists; only then is an update worth its time.
    await runCommand("apt", apt.install, { remedy, onLine }).catch(async () => {
      await runCommand("apt-update", apt.update, { remedy, onLine });
      await runCommand("apt", apt.install, { remedy, onLine });
    });
  });
  const still = missingNeeds(forTests);
  if (still.length)
    throw new StepError(`still missing after the installation: ${still.map((need) => need.what).join(", ")}`, remedy);
}

async function installNpmPackages(folder = ROOT, what = "npm packages", options = []) {
  if (installedPackagesMatch(folder)) return;
  const remedy =
    "check the network (npm must reach its registry) and that node_modules may be written; then run the same command again";
  const caller = process.env.npm_execpath ?? "";
  const npm = caller.endsWith("npm-cli.js") ? [process.execPath, caller] : ["npm"];
  await showStep(what, (onLine) =>
    runCommand("npm", [...npm, "ci", "--no-audit", "--no-fund", "--prefix", folder, ...options], { remedy, onLine }),
  );
}

/** The TypeScript kernel of a notebook of the tests, in a folder of its own: 90 MB that nothing else needs. */
async function installTslab() {
  if (forTests) await installNpmPackages(join(ROOT, "test/notebook/tslab"), "tslab", ["--ignore-scripts"]);
}

async function buildNative() {
  const torch = findLibtorch();
  const facts = [
    torch,
    existsSync("/usr/include/gloo/algorithm.h"),
    process.versions.modules,
    process.platform,
    process.arch,
  ];
  const inputs = hashInputs(["native", "node_modules/node-addon-api/package.json"], facts);
  const outputs = ["native/build/Release/torch.node", "native/build/Release/fits.node", "native/build/libtorch.json"];
  if (!isUpToDate("native", inputs, outputs)) {
    const { command, env } = nativeBuild(torch, ROOT);
    const remedy = `libtorch ${torch.version} was taken from ${torch.libDir} (${torch.source}); another one is used with LIBTORCH=/path/to/libtorch`;
    await showStep(`native addons (libtorch ${torch.version}, ${torch.source})`, (onLine) =>
      runCommand("native", command, { env, remedy, onLine }),
    );
    writeFileSync(join(ROOT, "native/build/libtorch.json"), `${JSON.stringify(torch, null, 2)}\n`);
    writeStamp("native", inputs);
  }
  const warning = torch.source === "debian" && torch.openblas === null && blasWarning(torch.libDir);
  if (warning) process.stderr.write(`warning: ${warning}\n`);
}

async function compileTypescript() {
  const inputs = hashInputs([
    "src",
    "tsconfig.json",
    "tsconfig.build.json",
    "tsconfig.types.json",
    "package-lock.json",
  ]);
  if (isUpToDate("typescript", inputs, ["dist/.built"])) return markDistFresh();
  await showStep("TypeScript", buildTypescript);
  writeStamp("typescript", inputs);
}

async function buildPage() {
  const inputs = pageInputs();
  if (isUpToDate("page", inputs, [PAGE])) return;
  const vite = [process.execPath, join(ROOT, "node_modules/vite/bin/vite.js"), "build"];
  await showStep("page", (onLine) =>
    runCommand("page", vite, { remedy: "restore web/ (git status shows what changed)", onLine }),
  );
  writeStamp("page", inputs);
}

/** Waits for all, and only then throws the first error: nothing goes on behind it. */
async function all(...steps) {
  const failed = (await Promise.allSettled(steps)).find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}

const [major] = process.versions.node.split(".").map(Number);
try {
  if (major < 20)
    throw new StepError(
      `Skyloop needs Node 20 or later; this is ${process.version}`,
      "install a current Node from https://nodejs.org",
    );
  const start = performance.now();
  // One waits for a network while the other does, and compilers leave a core idle at their end.
  await all(installSystemPackages(), installNpmPackages().then(installTslab));
  await all(buildNative(), compileTypescript().then(buildPage));
  process.stderr.write(`set-up is complete (${((performance.now() - start) / 1000).toFixed(1)} s)\n`);
} catch (error) {
  process.stderr.write(`\nset-up stopped: ${error.message}\n`);
  if (error instanceof StepError) process.stderr.write(`  ${error.remedy}\n`);
  process.exitCode = 1;
}
