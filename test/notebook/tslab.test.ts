/** `skyloop/notebook` in a notebook of a TypeScript kernel, executed by Jupyter without a browser. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { NBCONVERT, PYTHON, serveOn, surveyWithFeatures } from "./world.ts";

const TSLAB = join(PACKAGE_ROOT, "test/notebook/tslab/node_modules/tslab/bin/tslab");
const run = promisify(execFile);
const folder = temporaryFolder();
let app: FastifyInstance;
let address: string;
beforeAll(async () => {
  if (NBCONVERT === undefined || !existsSync(TSLAB))
    throw new Error("no jupyter-nbconvert or no tslab; run `npm test`, which installs them");
  ({ app, address } = await serveOn(await surveyWithFeatures(folder.path, 40)));
});
afterAll(async () => {
  await app?.close();
  folder.remove();
});

/** A notebook of the kernel `tslab`. */
function notebookOf(cells: string[]): string {
  const code = (source: string, i: number) => ({
    ...{ cell_type: "code", execution_count: null, id: `cell-${i}`, metadata: {}, outputs: [] },
    source: [source],
  });
  const metadata = { kernelspec: { name: "tslab", display_name: "TypeScript", language: "typescript" } };
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells: cells.map(code) });
}

it("leads a session, with pictures that stay in the file; a number that is not on the page ends with 1", async () => {
  const [home, kernels] = [join(folder.path, "home"), join(folder.path, "kernels")];
  mkdirSync(home);
  mkdirSync(join(folder.path, "node_modules"));
  symlinkSync(PACKAGE_ROOT, join(folder.path, "node_modules/skyloop"));
  const path = `${join(TSLAB, "../../../.bin")}:/usr/bin:/bin:${process.env.PATH}`;
  const env = { PATH: path, HOME: home, JUPYTER_PLATFORM_DIRS: "0", LANG: "C.UTF-8" };
  await run(process.execPath, [TSLAB, "install", `--python=${PYTHON}`, `--prefix=${kernels}`], { env });
  const begin = [
    'import * as tslab from "tslab";\nimport { connect } from "skyloop/notebook";',
    `const sky = await connect("${address}", { who: "ann" });
const s = await sky.search("from TypeScript", { like: ["sim-000001"], pageSize: 4 });
const page = await s.next();
const round: number = (await page.yes(1)).round;
tslab.display.html(await page.toHtml());
tslab.display.text(\`labels after round \${round}: \${(await s.state()).labels[page.objects[0]].value}\`);`,
  ];
  writeFileSync(join(folder.path, "good.ipynb"), notebookOf(begin));
  writeFileSync(join(folder.path, "bad.ipynb"), notebookOf([...begin, "await page.yes(9);"]));
  const execute = (name: string) =>
    run(NBCONVERT as string, ["--to", "html", "--execute", name], {
      cwd: folder.path,
      env: { ...env, JUPYTER_PATH: join(kernels, "share/jupyter") },
    });
  await execute("good.ipynb");
  const html = readFileSync(join(folder.path, "good.html"), "utf8");
  expect(html.match(/data:image\/webp/g)).toHaveLength(4);
  expect(html).toContain("labels after round 1: positive");
  await expect(execute("bad.ipynb")).rejects.toMatchObject({ code: 1 });
}, 120_000);
