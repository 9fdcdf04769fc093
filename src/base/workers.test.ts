import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PACKAGE_ROOT } from "./paths.ts";
import { startWorker, workerEntry } from "./workers.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skyloop-worker-"));
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  const errors = pathToFileURL(join(PACKAGE_ROOT, "src/base/errors.ts")).href;
  const text = `import { parentPort } from "node:worker_threads";\nimport { codeOf } from ${JSON.stringify(errors)};\nconst answer: string = String(codeOf({ code: "A" }));\nparentPort!.postMessage(answer);\n`;
  writeFileSync(join(folder, "answer-worker.ts"), text);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const source = () => pathToFileURL(join(folder, "answer-worker.ts"));

describe("startWorker", () => {
  it("runs TypeScript that imports TypeScript", async () => {
    const worker = startWorker(source());
    const answer = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    expect(answer).toBe("A");
    await worker.terminate();
  });

  it("does so from any working directory, in a program that tsx started", () => {
    const workers = pathToFileURL(join(PACKAGE_ROOT, "src/base/workers.ts")).href;
    writeFileSync(
      join(folder, "main.ts"),
      `import { startWorker } from ${JSON.stringify(workers)};\nstartWorker(new URL("./answer-worker.ts", import.meta.url)).on("message", console.log);\n`,
    );
    const tsx = pathToFileURL(join(PACKAGE_ROOT, "node_modules/tsx/dist/loader.mjs")).href;
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", tsx, join(folder, "main.ts")], {
      cwd: folder,
      encoding: "utf8",
    });
    expect([stdout, stderr]).toEqual(["A\n", ""]);
  });
});

describe("workerEntry", () => {
  it("takes the compiled file where there is one, without arguments", () => {
    writeFileSync(join(folder, "answer-worker.js"), "");
    expect(workerEntry(source())).toEqual({ path: join(folder, "answer-worker.js"), argv: [] });
  });

  it("takes what dist/ holds of a file of src/ where that is asked for, else the source through tsx", () => {
    const entryOf = (file: string) => workerEntry(pathToFileURL(join(PACKAGE_ROOT, file)));
    const throughTsx = (file: string) => ({
      path: join(PACKAGE_ROOT, "scripts/ts-worker.mjs"),
      argv: [pathToFileURL(join(PACKAGE_ROOT, file)).href],
    });
    vi.stubEnv("SKYLOOP_WORKERS", "");
    expect(entryOf("src/base/watch-thread.ts")).toEqual(throughTsx("src/base/watch-thread.ts"));
    vi.stubEnv("SKYLOOP_WORKERS", "dist");
    expect(entryOf("src/base/watch-thread.ts")).toEqual({
      path: join(PACKAGE_ROOT, "dist/base/watch-thread.js"),
      argv: [],
    });
    for (const file of ["src/base/none.ts", "test/fixtures/torch-worker.ts"])
      expect(entryOf(file)).toEqual(throughTsx(file));
    vi.unstubAllEnvs();
  });
});
