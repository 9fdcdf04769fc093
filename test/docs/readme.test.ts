import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { buildProgram, EXAMPLES } from "../../src/cli/main.ts";
import { headerOf, listRecipes } from "../../src/cli/recipe.ts";

const pages = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(join(PACKAGE_ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join("docs", path)),
].map((path) => ({ path, text: readFileSync(join(PACKAGE_ROOT, path), "utf8") }));

/** Why a command line would be refused for a verb or an option that there is not; null where it would not. */
function fault(line: string): string | null {
  const [, verb, recipe, ...rest] = line.replace(/ #.*$/, "").split(/\s+/);
  if (verb === "recipe" && recipe !== undefined) {
    // A recipe's options are its own; its header names them.
    if (!listRecipes().includes(recipe)) return `no recipe ${recipe}`;
    const strange = rest.find((word) => word.startsWith("--") && !headerOf(recipe).includes(word));
    return strange === undefined ? null : `recipe ${recipe} does not name ${strange}`;
  }
  let command: Command = buildProgram();
  for (const word of line.split(/\s+/).slice(1)) {
    if (word.startsWith("#") || word.endsWith(";")) break;
    const below = command.commands.find((candidate) => candidate.name() === word);
    if (below) command = below;
    else if (/^--?[a-z]/.test(word) && !["--help", "--version"].includes(word)) {
      if (!command.options.some((option) => option.long === word || option.short === word))
        return `${command.name()} has no option ${word}`;
    } else if (command.commands.length > 0 && !word.startsWith("-") && /^[a-z]/.test(word))
      return `${command.name()} has no command ${word}`;
  }
  return null;
}

describe("skyloop --help", () => {
  it("gives examples with commands and options that there are", () => {
    const lines = EXAMPLES.split("\n").filter((line) => line.startsWith("  skyloop "));
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.map((line) => fault(line.trim().replace(/ {3,}.*$/, ""))).filter((why) => why !== null)).toEqual([]);
  });
});

describe.each(pages)("$path", ({ path, text }) => {
  it("names only commands and options that there are", () => {
    const blocks = [...text.matchAll(/^```(?:sh|bash)\n([\s\S]*?)^```/gm)].flatMap((match) => match[1].split("\n"));
    const inline = [...text.matchAll(/`((?:bin\/)?skyloop [a-z][^`\n]*)`/g)].map((match) => match[1]);
    const lines = [...blocks, ...inline].filter((line) => /^(bin\/)?skyloop /.test(line));
    expect(lines.map((line) => [line, fault(line)]).filter(([, why]) => why !== null)).toEqual([]);
  });

  it("names only npm scripts that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = [...text.matchAll(/\bnpm run ([a-z0-9]+)/g)].map((match) => match[1]);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("links only to files that there are", () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1])
      .filter((link) => !/^[a-z]+:/.test(link));
    expect(links.filter((link) => !existsSync(join(PACKAGE_ROOT, dirname(path), link)))).toEqual([]);
  });
});
