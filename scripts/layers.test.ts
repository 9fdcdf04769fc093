import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { allowed, findViolations, STANDS_ON, violationsIn } from "./layers.ts";

const messages = (file: string, text: string) => violationsIn(file, text).map((violation) => violation.message);

describe("the table", () => {
  it("names only folders that it has, and no folder stands on itself in a circle", () => {
    for (const [folder, below] of Object.entries(STANDS_ON)) {
      for (const name of below) {
        expect(Object.keys(STANDS_ON)).toContain(name);
        expect(allowed(name), `${folder} and ${name} stand on each other`).not.toContain(folder);
      }
    }
  });
});

describe("violationsIn", () => {
  it("lets a folder import what it stands on, directly or further down, and itself", () => {
    const text = `import { a } from "../torch/index.ts";\nimport { b } from "../base/errors.ts";\nimport c from "./c.ts";\nimport fs from "node:fs";\nimport { z } from "zod";`;
    expect(messages("src/models/mlp.ts", text)).toEqual([]);
  });

  it.each([
    ["an import", `import { a } from "../server/app.ts";`],
    ["a type import", `import type { A } from "../server/app.ts";`],
    ["an export from", `export { a } from "../server/app.ts";`],
    ["a dynamic import", `const a = await import("../server/app.ts");`],
    ["an import type", `type A = import("../server/app.ts").A;`],
    ["a worker", `startWorker(new URL("../server/worker.ts", import.meta.url));`],
  ])("finds %s that goes up the road", (_, text) => {
    expect(messages("src/torch/tensor.ts", text)).toEqual([expect.stringContaining("torch may not import server")]);
  });

  it("keeps contract free of everything, base included, and src of what is outside", () => {
    expect(messages("src/contract/api.ts", `import { SkyloopError } from "../base/errors.ts";`)).toHaveLength(1);
    expect(messages("src/cli/main.ts", `import x from "../../scripts/setup.mjs";`)).toHaveLength(1);
  });

  it("lets recipes stand on evaluate, benches on server and the tests' helpers, and src on neither", () => {
    expect(messages("recipes/a.ts", `import "./common/tables.ts";\nimport "../src/evaluate/probe.ts";`)).toEqual([]);
    expect(messages("bench/a.ts", `import "../test/e2e/harness.ts";\nimport "../src/server/app.ts";`)).toEqual([]);
    for (const [file, text] of [
      ["recipes/a.ts", `import "../src/server/app.ts";`],
      ["recipes/a.ts", `import "../test/fixtures/large.ts";`],
      ["recipes/a.ts", `import "../bench/common.ts";`],
      ["bench/a.ts", `import "../recipes/common/tables.ts";`],
      ["src/cli/main.ts", `import "../../recipes/choice.ts";`],
    ])
      expect(messages(file, text), file + text).toHaveLength(1);
  });

  it("wants every folder of src in the table", () => {
    expect(messages("src/utils/misc.ts", `import "../base/errors.ts";`)).toEqual([
      expect.stringContaining("not in the table"),
    ]);
  });

  it("lets the page import types of contract only", () => {
    expect(
      messages(
        "web/pages/a.tsx",
        `import type { Page } from "../../src/contract/api.ts";\nimport { b } from "../parts/b.tsx";`,
      ),
    ).toEqual([]);
    expect(messages("web/pages/a.tsx", `import { Page } from "../../src/contract/api.ts";`)).toEqual([
      expect.stringContaining("import type"),
    ]);
    expect(messages("web/pages/a.tsx", `import type { S } from "../../src/store/database.ts";`)).toEqual([
      expect.stringContaining("contract only"),
    ]);
  });

  it("lets the two doors load a native addon, and nobody else", () => {
    const text = `const path = join(PACKAGE_ROOT, "native/build/Release/torch.node");`;
    expect(messages("src/torch/dispatch.ts", text)).toEqual([]);
    expect(messages("src/torch/ops.ts", text)).toEqual([expect.stringContaining("native addon")]);
  });
});

describe("findViolations", () => {
  let root = "";
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("walks src and web, says file and line, and passes tests over", () => {
    root = mkdtempSync(join(tmpdir(), "skyloop-layers-"));
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    write("src/nn/linear.ts", `import { a } from "../torch/index.ts";\nimport { b } from "../loop/session.ts";\n`);
    write("src/nn/linear.test.ts", `import { b } from "../loop/session.ts";\n`);
    write("web/api.ts", `import { b } from "../src/loop/session.ts";\n`);
    expect(findViolations(root)).toEqual([
      {
        file: "src/nn/linear.ts",
        line: 2,
        message: expect.stringContaining("nn may not import loop (src/loop/session.ts)"),
      },
      { file: "web/api.ts", line: 1, message: expect.stringContaining("contract only") },
    ]);
  });
});
