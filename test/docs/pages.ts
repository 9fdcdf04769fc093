/** The Markdown pages of the repository and their code blocks. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";

const below = (folder: string) =>
  readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join(folder, path));

/** Path from the repository's root and text of README, CONTRIBUTING, CHANGELOG, docs/ and the model cards. */
export const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...below("docs"), ...below("models")]
  .sort()
  .map((path) => ({ path, text: readFileSync(join(PACKAGE_ROOT, path), "utf8") }));

/** A code block: `info` is what stands behind the fence ("" for a block that is indented by four spaces). */
export interface CodeBlock {
  info: string;
  text: string;
}

/** Fenced and indented code blocks of a page, in order; `prose` is the rest of its lines. */
export function readBlocks(page: string): { blocks: CodeBlock[]; prose: string[] } {
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  let fenced: CodeBlock | null = null;
  let indented: CodeBlock | null = null;
  let before = "";
  for (const line of page.split("\n")) {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fenced !== null) {
      if (fence === null) fenced.text += `${line}\n`;
      else fenced = null;
    } else if (fence !== null) {
      fenced = { info: fence[1].trim(), text: "" };
      blocks.push(fenced);
    } else if (line.startsWith("    ") && (before === "" || indented !== null)) {
      if (indented === null) {
        indented = { info: "", text: "" };
        blocks.push(indented);
      }
      indented.text += `${line.slice(4)}\n`;
    } else {
      indented = null;
      prose.push(line);
    }
    before = line;
  }
  return { blocks, prose };
}

/** The command lines of a block: continued lines joined, comments taken away. */
export function commandLines(text: string): string[] {
  return text
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}
