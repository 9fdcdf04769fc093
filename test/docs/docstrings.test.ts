/** Every exported name of src/ and web/ says what it is: read from the TypeScript syntax tree. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";

/** An exported name and its docstring; null where there is none. */
interface Exported {
  file: string;
  line: number;
  name: string;
  doc: string | null;
}

/** The docstring above a statement, without its stars; line comments may stand between. Null where there is none. */
function docOf(source: ts.SourceFile, node: ts.Node): string | null {
  const comment = ts
    .getLeadingCommentRanges(source.text, node.getFullStart())
    ?.map(({ pos, end }) => source.text.slice(pos, end))
    .filter((text) => !text.startsWith("//"))
    .at(-1);
  if (comment === undefined || !comment.startsWith("/**")) return null;
  return comment.replace(/^\/\*\*|\*\/$|^\s*\*/gm, "").trim();
}

/** The names that the declarations of a file export, in order; re-exports are documented where they are declared. */
function exportsOf(file: string, text: string): Exported[] {
  const kind = file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, kind);
  const found = source.statements.flatMap((statement, index, all) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((declaration) => declaration.name.getText())
      : [(statement as ts.DeclarationStatement).name?.getText() ?? "default"];
    // Overloads share the docstring of the first one.
    const before = all[index - 1];
    const overload =
      before !== undefined && ts.isFunctionDeclaration(before) && before.name?.getText() === names[0]
        ? before
        : statement;
    const line = source.getLineAndCharacterOfPosition(statement.getStart()).line + 1;
    return names.map((name) => ({ file, line, name, doc: docOf(source, overload) }));
  });
  // A schema and the type inferred from it are one name for the reader and for the editor.
  const docs = new Map(found.flatMap(({ name, doc }) => (doc === null ? [] : [[name, doc] as const])));
  return found.map((one) => ({ ...one, doc: one.doc ?? docs.get(one.name) ?? null }));
}

const exported = ["src", "web"].flatMap((folder) =>
  readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$|^dist\//.test(path))
    .sort()
    .flatMap((path) => exportsOf(join(folder, path), readFileSync(join(PACKAGE_ROOT, folder, path), "utf8"))),
);
const shown = ({ file, line, name }: Exported) => `${file}:${line} ${name}`;

const IDLE = new Set("a an the of for to in on and or is are its it this that with by from what".split(" "));
/** The words of a docstring that its name does not say already. */
function news({ name, doc }: Exported): string[] {
  const said = new Set(name.split(/(?=[A-Z])|_/).map((word) => word.toLowerCase()));
  return (doc?.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter(
    (word) => !IDLE.has(word) && !said.has(word) && !said.has(word.replace(/s$/, "")),
  );
}

describe("docstrings", () => {
  it("are read from functions, classes, types, constants and overloads", () => {
    const found = exportsOf(
      "x.ts",
      "/** File. */\nimport a from 'a';\nexport const b = 1, c = 2;\n/** Doc of d. */\nexport function d(): void;\nexport function d(x?: 1): void {}\n/* no docstring */\nexport interface E {}\n/** Doc of G. */\nexport const G = 1;\nexport type G = 1;\nconst f = 1;\nexport { f };\n",
    );
    expect(found.map(({ name, doc }) => [name, doc])).toEqual([
      ["b", null],
      ["c", null],
      ["d", "Doc of d."],
      ["d", "Doc of d."],
      ["E", null],
      ["G", "Doc of G."],
      ["G", "Doc of G."],
    ]);
  });

  it("stand above every exported name", () => {
    expect(exported.length).toBeGreaterThan(500);
    expect(exported.filter(({ doc }) => doc === null).map(shown)).toEqual([]);
  });

  it("say more than the name does", () => {
    expect(exported.filter((one) => one.doc !== null && news(one).length < 2).map(shown)).toEqual([]);
  });
});
