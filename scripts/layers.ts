/** Who may import whom, and the check of it: `npm run layers` lists every import that the table does not allow. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * What a folder of src/, and recipes/ and bench/ beside it, stands on directly. It may import those folders and whatever they stand on in turn; `base` is
 * open to everybody but contract. Tests may import anything. The page (web/) may import types of contract, and nothing
 * else of src/.
 */
export const STANDS_ON: Record<string, readonly string[]> = {
  base: [],
  contract: [],
  torch: ["base"],
  survey: ["base", "contract"],
  plot: ["base"],
  stamps: ["survey"],
  detect: ["stamps"],
  batches: ["stamps", "torch"],
  nn: ["torch"],
  models: ["nn", "contract"],
  measure: ["torch", "contract"],
  tasks: ["models", "batches", "measure", "store", "detect"],
  train: ["tasks", "plot"],
  store: ["base", "contract"],
  loop: ["models", "measure", "stamps", "store"],
  evaluate: ["loop", "train"],
  server: ["loop", "tasks", "store", "plot"],
  notebook: ["loop", "tasks", "store", "plot"],
  cli: ["server", "notebook", "evaluate"],
  recipes: ["evaluate"],
  bench: ["server", "evaluate"],
};

/** Folders beside src/ that have a row of the table; nothing in src/ may import them. */
const BESIDE = ["recipes", "bench"];

/** Folders of test/ that a folder may use: benches start servers and browsers as the tests do. */
const TEST_HELPERS: Record<string, readonly string[]> = { bench: ["test/e2e", "test/fixtures"] };

/** The only files that may load a native addon. */
export const DOORS = ["src/torch/dispatch.ts", "src/survey/fits.ts", "src/base/map-file.ts"];

export interface Violation {
  file: string;
  line: number;
  message: string;
}

/** Every folder of src/ that `folder` may import, itself included. */
export function allowed(folder: string): Set<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const below of STANDS_ON[name] ?? []) visit(below);
  };
  visit(folder);
  return found;
}

/** Checks every TypeScript file of src/, web/, recipes/ and bench/ below `root` against the table. */
export function findViolations(root: string): Violation[] {
  const files = ["src", "web", ...BESIDE].flatMap((folder) => filesBelow(join(root, folder)));
  return files.flatMap((path) => violationsIn(relative(root, path), readFileSync(path, "utf8")));
}

/** Checks one file, given its path from the package's root. */
export function violationsIn(file: string, text: string): Violation[] {
  const source = ts.createSourceFile(
    file,
    text,
    ts.ScriptTarget.Latest,
    true,
    file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );
  const violations: Violation[] = [];
  const report = (node: ts.Node, message: string | null) => {
    if (message)
      violations.push({ file, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, message });
  };
  const visit = (node: ts.Node) => {
    const found = importOf(node);
    if (found?.specifier.startsWith("."))
      report(node, judge(file, relative(".", resolve(dirname(file), found.specifier)), found.typeOnly));
    if (ts.isStringLiteralLike(node) && /\.node$/.test(node.text) && file.startsWith("src/") && !DOORS.includes(file)) {
      report(node, `only ${DOORS.join(" and ")} may load a native addon`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return violations;
}

/** The row of the table that a file belongs to: a folder of src/, or recipes or bench. */
const roomOf = (file: string): string => {
  const [top, folder] = file.split("/");
  return BESIDE.includes(top) ? top : folder;
};

/** Why `file` may not import `target` (both from the package's root); null where it may. */
function judge(file: string, target: string, typeOnly: boolean): string | null {
  const [top, folder] = target.split("/");
  if (file.startsWith("web/")) {
    if (top === "web") return null;
    if (top !== "src") return `the page may not import ${target}`;
    if (folder !== "contract") return `the page may import types of src/contract only, not ${target}`;
    return typeOnly ? null : `the page may import types only: write \`import type\` for ${target}`;
  }
  const own = roomOf(file);
  if (BESIDE.includes(own) && own === top) return null;
  if (TEST_HELPERS[own]?.some((helpers) => target.startsWith(`${helpers}/`))) return null;
  if (!(own in STANDS_ON)) return `src/${own} is not in the table of scripts/layers.ts`;
  if (top !== "src") return `${file.split("/")[0]} may not import ${target}, which is outside of src`;
  return allowed(own).has(folder)
    ? null
    : `${own} may not import ${folder} (${target}); it stands on ${[...allowed(own)].slice(1).join(", ") || "nothing"}`;
}

/**
 * What a node imports: import and export declarations, `import()`, `import("…")` types, and files started by URL
 * (workers).
 */
function importOf(node: ts.Node): { specifier: string; typeOnly: boolean } | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return {
      specifier: node.moduleSpecifier.text,
      typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, typeOnly: true };
  }
  const argument = (ts.isCallExpression(node) || ts.isNewExpression(node)) && node.arguments?.[0];
  if (!argument || !ts.isStringLiteralLike(argument)) return null;
  const isImport = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const isUrl = ts.isNewExpression(node) && node.expression.getText() === "URL" && /\.tsx?$/.test(argument.text);
  return isImport || isUrl ? { specifier: argument.text, typeOnly: false } : null;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "dist" ? [] : filesBelow(path);
    return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = findViolations(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const { file, line, message } of violations) process.stdout.write(`${file}:${line}: ${message}\n`);
  process.exitCode = violations.length ? 1 : 0;
}
