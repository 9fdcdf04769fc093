import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../src/base/paths.ts";

/** Conditional expressions nested directly: 1 for `a ? b : c`, 2 for `a ? b : c ? d : e`. */
function depthOf(node: ts.Node): number {
  if (ts.isParenthesizedExpression(node)) return depthOf(node.expression);
  if (!ts.isConditionalExpression(node)) return 0;
  return 1 + Math.max(depthOf(node.condition), depthOf(node.whenTrue), depthOf(node.whenFalse));
}

function tooDeep(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node) => {
    if (depthOf(node) > 2) found.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe("conditional expressions", () => {
  it("are found where one holds another that holds a third", () => {
    expect(tooDeep("a.ts", "const a = b ? c : d ? e : f;")).toEqual([]);
    expect(tooDeep("a.ts", "\nconst a = b ? c : d ? e : (f ? g : h);")).toEqual(["a.ts:2"]);
  });

  it("are nested by one level at most in the whole project", () => {
    const files = ["src", "web", "recipes", "bench", "scripts", "test"].flatMap((folder) =>
      (readdirSync(join(PACKAGE_ROOT, folder), { recursive: true }) as string[])
        .filter((file) => !/(^|\/)node_modules\//.test(file) && /\.(tsx?|mjs)$/.test(file) && !file.startsWith("dist"))
        .map((file) => join(folder, file)),
    );
    expect(files.length).toBeGreaterThan(300);
    expect(files.flatMap((file) => tooDeep(file, readFileSync(join(PACKAGE_ROOT, file), "utf8")))).toEqual([]);
  }, 120_000);
});
