/** The notebook that `skyloop notebook` writes, executed by Jupyter without a browser. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeNotebook } from "../../src/notebook/files.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { CLIENT, NBCONVERT, serveOn, surveyWithFeatures } from "./world.ts";

const folder = temporaryFolder();
let app: FastifyInstance;
let address: string;
beforeAll(async () => {
  if (NBCONVERT === undefined) throw new Error("no jupyter-nbconvert; run `npm test`, which installs it");
  ({ app, address } = await serveOn(await surveyWithFeatures(folder.path, 40)));
});
afterAll(async () => {
  await app?.close();
  folder.remove();
});

/** Executes a notebook in the temporary folder, with Jupyter's own files there too. */
function execute(name: string): Promise<{ code: number | null; err: string }> {
  const home = join(folder.path, "home");
  mkdirSync(home, { recursive: true });
  // Kernels look for free ports one after another, and a port may be taken again before they use it: sockets in files.
  const sockets = ["--KernelManager.transport=ipc", `--KernelManager.ip=${name}-socket`];
  const child = spawn(NBCONVERT as string, ["--to", "html", "--execute", ...sockets, name], {
    cwd: folder.path,
    env: { PATH: `/usr/bin:/bin:${process.env.PATH}`, HOME: home, JUPYTER_PLATFORM_DIRS: "0", LANG: "C.UTF-8" },
  });
  let err = "";
  child.stderr.on("data", (part) => (err += part));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, err })));
}

const begin = (overwrite = false) => writeNotebook({ folder: folder.path, survey: "demo", address, overwrite });

it("writes the client and a notebook, and replaces no notebook that somebody may have changed", () => {
  const { client, notebook } = begin();
  expect(readFileSync(client, "utf8")).toBe(readFileSync(CLIENT, "utf8"));
  expect(JSON.parse(readFileSync(notebook, "utf8"))).toMatchObject({ nbformat: 4 });
  expect(() => begin()).toThrow(expect.objectContaining({ code: "FILE_EXISTS" }));
  writeNotebook({ folder: folder.path, survey: 'a "b" $& c', address, overwrite: true });
  expect(JSON.parse(readFileSync(notebook, "utf8")).cells[3].source[0]).toBe(
    'kinds = sky.browse("a \\"b\\" $& c", 12)\n',
  );
  begin(true);
  writeFileSync(join(folder.path, "skyloop.py"), "mine");
  expect(() => begin()).toThrow(expect.objectContaining({ code: "FILE_EXISTS" }));
  begin(true);
});

it("runs from the first cell to the last, with pictures that stay in the file; one that fails ends with 1, its code and the remedy", async () => {
  const { notebook } = begin(true);
  const made = JSON.parse(readFileSync(notebook, "utf8"));
  const [, connect] = made.cells;
  const failing = { ...made, cells: [connect, { ...connect, id: "bad", source: ['sky.session("nothing")'] }] };
  writeFileSync(join(folder.path, "bad.ipynb"), JSON.stringify(failing));
  const [good, bad] = await Promise.all([execute("start.ipynb"), execute("bad.ipynb")]);
  expect(good.code, good.err).toBe(0);
  const html = readFileSync(join(folder.path, "start.html"), "utf8");
  expect(html.match(/data:image\/webp/g)?.length).toBeGreaterThanOrEqual(20);
  expect(html).toContain("my-first-target, round 2, as ");
  expect(existsSync(join(folder.path, "ranking.csv"))).toBe(true);
  expect(bad.code).toBe(1);
  expect(bad.err).toContain("SESSION_UNKNOWN: no session nothing in the surveys served here; there are ");
}, 240_000);
