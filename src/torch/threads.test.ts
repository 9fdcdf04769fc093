import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../base/paths.ts";

let folder = "";
const urlOf = (...parts: string[]) => JSON.stringify(pathToFileURL(join(PACKAGE_ROOT, ...parts)).href);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skyloop-threads-"));
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  writeFileSync(
    join(folder, "busy.ts"),
    `import { parentPort } from "node:worker_threads";
import { ones, scope } from ${urlOf("src/torch/index.ts")};
parentPort!.postMessage("busy");
for (;;) scope(() => ones([200, 200]).matmul(ones([200, 200])));
`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(main: string) {
  writeFileSync(
    join(folder, "main.ts"),
    `import { startWorker } from ${urlOf("src/base/workers.ts")};
import { ones, scope } from ${urlOf("src/torch/index.ts")};
const begin = () => new Promise((resolve, reject) => {
  const worker = startWorker(new URL("./busy.ts", import.meta.url));
  worker.once("message", () => resolve(worker)).once("error", reject);
});
${main}
`,
  );
  const tsx = pathToFileURL(join(PACKAGE_ROOT, "node_modules/tsx/dist/loader.mjs")).href;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--import", tsx, join(folder, "main.ts")], {
    cwd: folder,
    encoding: "utf8",
    timeout: 50_000,
  });
  return { status, signal, stdout, stderr };
}

describe("a thread that is in an operator", () => {
  it("can be ended, and others go on computing", () => {
    const main = `for (let n = 0; n < 3; n++) await (await begin()).terminate();
console.log(scope(() => ones([3]).toFloat32Array().join()));`;
    expect(run(main)).toEqual({ status: 0, signal: null, stdout: "1,1,1\n", stderr: "" });
  });

  it("does not disturb the end of the process", () => {
    expect(run(`await begin(); await begin(); process.exit(0);`)).toEqual({
      status: 0,
      signal: null,
      stdout: "",
      stderr: "",
    });
  });
});
