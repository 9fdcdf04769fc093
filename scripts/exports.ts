/**
 * What is exported and why: `npx tsx scripts/exports.ts` lists names that nothing but tests use, values that are
 * exported though only their own file uses them, and names that two files define with two meanings.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import type { Violation } from "./layers.ts";

/** Where names are defined, and where else they may be used. */
const [DEFINED, USED] = [
  ["src", "web"],
  ["src", "web", "recipes", "bench", "scripts", "test"],
];

/** Names that two files may define: each says what the same thing is in its own place. */
const SAME_NAME_TWICE = new Set<string>([]);

/** Files that somebody outside of the program's own code reads: their names need no user here. */
const DOORS = ["src/contract/", "src/notebook/", "src/cli/main.ts", "web/main.tsx"];

const isTest = (file: string) => /\.test\.tsx?$/.test(file) || file.startsWith("test/") || file.endsWith("/suite.ts");

interface Definition {
  file: string;
  name: string;
  line: number;
  /** A type has no code: it may be exported for those who call a function of its file. */
  isType: boolean;
  usedInside: boolean;
}

function filesBelow(root: string, folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return (readdirSync(path, { recursive: true }) as string[])
    .filter((file) => /\.(tsx?|mts|mjs)$/.test(file) && !/(^|\/)(dist|node_modules|build)\//.test(file))
    .map((file) => join(folder, file));
}

const parse = (file: string, text: string) =>
  ts.createSourceFile(
    file,
    text,
    ts.ScriptTarget.Latest,
    true,
    file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );

const isExported = (node: ts.Node) =>
  ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;

/** How often each identifier stands in a file. */
function counted(source: ts.SourceFile): Map<string, number> {
  const counts = new Map<string, number>();
  const visit = (node: ts.Node) => {
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return counts;
}

/** The names that a file's own statements export. */
function definitionsOf(file: string, source: ts.SourceFile): Definition[] {
  const counts = counted(source);
  const found: { name: string; node: ts.Node; isType: boolean }[] = [];
  for (const statement of source.statements) {
    if (!isExported(statement)) continue;
    if (ts.isVariableStatement(statement))
      for (const { name } of statement.declarationList.declarations)
        if (ts.isIdentifier(name)) found.push({ name: name.text, node: name, isType: false });
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    const declared = isType || ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
    if (declared && statement.name !== undefined) found.push({ name: statement.name.text, node: statement, isType });
  }
  // A schema and the type made from it share their name: one definition, which each of the two uses once.
  const own = (name: string) => found.filter((one) => one.name === name).length;
  return found
    .filter(({ name }, i) => found.findIndex((one) => one.name === name) === i)
    .map(({ name, node, isType }) => ({
      file,
      name,
      line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
      isType,
      usedInside: (counts.get(name) ?? 0) > own(name),
    }));
}

/** Hears of a name that is imported from a file, and under which name it is exported again, if it is. */
type Use = (target: string, name: string, again?: string) => void;

/** Calls `use` with every file and name that a file imports; "*" where all of them are exported again. */
function eachImport(file: string, source: ts.SourceFile, use: Use): void {
  const targetOf = (specifier: string) => relative(".", resolve(dirname(file), specifier));
  const words = [...counted(source).keys()];
  const visit = (node: ts.Node) => {
    const from =
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier) &&
      node.moduleSpecifier.text.startsWith(".")
        ? targetOf(node.moduleSpecifier.text)
        : null;
    if (from !== null && ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      if (bindings !== undefined && ts.isNamedImports(bindings))
        for (const { name, propertyName } of bindings.elements) use(from, (propertyName ?? name).text);
      if (bindings !== undefined && ts.isNamespaceImport(bindings)) for (const word of words) use(from, word);
    }
    if (from !== null && ts.isExportDeclaration(node)) {
      if (node.exportClause !== undefined && ts.isNamedExports(node.exportClause))
        for (const { name, propertyName } of node.exportClause.elements)
          use(from, (propertyName ?? name).text, name.text);
      else use(from, "*", "*");
    }
    // import("./a.ts") and workers' URLs: any word of this file may be one of its names.
    if (ts.isStringLiteralLike(node) && /^\.{1,2}\/.*\.tsx?$/.test(node.text) && from === null)
      for (const word of words) use(targetOf(node.text), word);
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** What is wrong with the exports of the files below `root`. */
export function findExportFaults(root: string): Violation[] {
  const all = USED.flatMap((folder) => filesBelow(root, folder));
  const sources = new Map(all.map((file) => [file, parse(file, readFileSync(join(root, file), "utf8"))]));
  const users = new Map<string, { file: string; again?: string }[]>();
  for (const [file, source] of sources)
    eachImport(file, source, (target, name, again) => {
      const key = `${target} ${name}`;
      users.set(key, [...(users.get(key) ?? []), { file, again }]);
    });
  /** The files that import a name of a file, be it through others that export it again. */
  const importersOf = (target: string, name: string): string[] =>
    [...(users.get(`${target} ${name}`) ?? []), ...(users.get(`${target} *`) ?? [])].flatMap(({ file, again }) =>
      again === undefined ? [file] : importersOf(file, again === "*" ? name : again),
    );
  const definitions = [...sources]
    .filter(([file]) => DEFINED.some((folder) => file.startsWith(`${folder}/`)) && !isTest(file))
    .flatMap(([file, source]) => definitionsOf(file, source));
  const faults: Violation[] = [];
  const report = ({ file, line }: Definition, message: string) => faults.push({ file, line, message });
  for (const one of definitions) {
    if (DOORS.some((door) => one.file.startsWith(door))) continue;
    const importers = importersOf(one.file, one.name);
    if (importers.some((file) => !isTest(file))) continue;
    if (!one.usedInside)
      report(one, `${one.name} is used by ${importers.length > 0 ? "tests only" : "nobody"}: delete it`);
    else if (importers.length === 0 && !one.isType) report(one, `${one.name} need not be exported`);
  }
  // The page is a program of its own: its names need not differ from those of src.
  const byTop = ["src", "web"].flatMap((top) => [
    ...groupBy(definitions.filter(({ file }) => file.startsWith(`${top}/`))),
  ]);
  for (const [name, same] of byTop)
    if (same.length > 1 && !SAME_NAME_TWICE.has(name) && new Set(same.map(({ file }) => file)).size > 1)
      for (const one of same)
        report(one, `${name} is also defined in ${same.filter((other) => other !== one).map(({ file }) => file)}`);
  return faults.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

function groupBy(definitions: Definition[]): Map<string, Definition[]> {
  const groups = new Map<string, Definition[]>();
  for (const one of definitions) groups.set(one.name, [...(groups.get(one.name) ?? []), one]);
  return groups;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = findExportFaults(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const { file, line, message } of faults) process.stdout.write(`${file}:${line}: ${message}\n`);
  process.exitCode = faults.length ? 1 : 0;
}
