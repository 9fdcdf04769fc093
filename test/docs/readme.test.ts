import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { buildProgram, EXAMPLES } from "../../src/cli/main.ts";
import { headerOf, listRecipes } from "../../src/cli/recipe.ts";
import { commandLines, pages, readBlocks } from "./pages.ts";

/** Why a command line would be refused for a verb or an option that there is not; null where it would not. */
function fault(line: string): string | null {
  const [, verb, recipe, ...rest] = line.replace(/ #.*$/, "").split(/\s+/);
  if (verb === "recipe" && recipe !== undefined) {
    // A recipe's options are its own; its header names them.
    if (/^[A-Z]+$/.test(recipe)) return null;
    if (!listRecipes().includes(recipe)) return `no recipe ${recipe}`;
    const strange = rest.find(
      (word) => word.startsWith("--") && !["--help", "--write"].includes(word) && !headerOf(recipe).includes(word),
    );
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

/** Commands of a program that a reader is told to type. */
const IS_COMMAND = /^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:bin\/)?(?:skyloop|npm|npx|node|git|torchrun|python3?|apt-get) /;

describe("recipes", () => {
  it.each(listRecipes())(
    "%s has a header with command, time and expected result, and options that it takes",
    (name) => {
      const header = headerOf(name);
      const [, command] = /^Command: (bin\/skyloop recipe [\s\S]*?)\n(?!\s)/m.exec(header) ?? [];
      expect(command).toMatch(new RegExp(`^bin/skyloop recipe ${name}( |$)`));
      expect(header).toMatch(/^Time: ./m);
      expect(header).toMatch(/^Expected: ./m);
      const source = readFileSync(join(PACKAGE_ROOT, "recipes", `${name}.ts`), "utf8").replace(
        /^\/\*\*[\s\S]*?\*\//,
        "",
      );
      const shared = readFileSync(join(PACKAGE_ROOT, "recipes/multitask/runs.ts"), "utf8");
      const taken = (option: string) => new RegExp(`^\\s*"?${option}"?: \\{\\s*type:`, "m").test(source + shared);
      const named = [...command.matchAll(/--([a-z-]+)/g)].map((match) => match[1]);
      expect(named.filter((option) => !taken(option))).toEqual([]);
    },
  );
});

describe.each(pages)("$path", ({ path, text }) => {
  const { blocks, prose } = readBlocks(text);

  it("names only commands and options that there are", () => {
    const shell = blocks.filter(({ info }) => /^(sh|bash)\b/.test(info)).flatMap((block) => commandLines(block.text));
    const inline = [...text.matchAll(/`((?:bin\/)?skyloop [a-z][^`\n]*)`/g)].map((match) => match[1]);
    const lines = [...shell, ...inline].filter((line) => /^(bin\/)?skyloop /.test(line));
    expect(lines.map((line) => [line, fault(line)]).filter(([, why]) => why !== null)).toEqual([]);
  });

  it("says of each block of commands whether a test runs it, or why not", () => {
    for (const { info, text: block } of blocks) {
      if (/^(sh|bash)\b/.test(info)) expect(info, block).toMatch(/^sh (run|not-run: .{5,})$/);
      else expect(block.split("\n").filter((line) => IS_COMMAND.test(line) && info !== "text")).toEqual([]);
    }
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

  it("names only files of the repository that there are", () => {
    const named = [...text.matchAll(/`((?:src|web|test|recipes|scripts|bench|native|docs)\/[^`\s]*)`/g)]
      .map((match) => match[1])
      // Names in capitals and file names with a wildcard stand for others; results of a build are not in a fresh clone.
      .filter((name) => !/[A-Z]{3,}|[*{…]|^native\/build/.test(name.replace("README", "")));
    // Changes and the log name what there was.
    const isHistory = path === "CHANGELOG.md" || path.startsWith("docs/log/");
    expect(isHistory ? [] : named.filter((name) => !existsSync(join(PACKAGE_ROOT, name)))).toEqual([]);
  });

  it("has no line of prose over 160 characters", () => {
    const long = prose.filter((line) => line.length > 160 && !line.startsWith("|") && !line.startsWith("!["));
    expect(path === "CHANGELOG.md" ? [] : long).toEqual([]);
  });
});

describe("README.md", () => {
  const { text } = pages.find(({ path }) => path === "README.md") as { text: string };

  it("has at most 900 words", () => {
    expect(text.split(/\s+/).length).toBeLessThanOrEqual(900);
  });

  it("shows what `skyloop start` prints at its end", () => {
    const printed = readFileSync(join(PACKAGE_ROOT, "src/cli/start.ts"), "utf8");
    const shown = readBlocks(text).blocks.find((block) => block.text.includes("Skyloop is ready"))?.text ?? "";
    const lines = shown.slice(shown.indexOf("  1. ")).trim().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines.filter((line) => !printed.includes(line.trim()))).toEqual([]);
  });

  it("shows a tree with every folder of src/ and only folders that there are", () => {
    const tree = (readBlocks(text).blocks.find((block) => /^src\/$/m.test(block.text))?.text ?? "").split("\n");
    const named = tree.flatMap((line) => {
      const found = /^(\s*)([\w-]+)\/(\s|$)/.exec(line);
      return found === null ? [] : [found[1] === "" ? found[2] : `src/${found[2]}`];
    });
    expect(named.filter((folder) => !existsSync(join(PACKAGE_ROOT, folder)))).toEqual([]);
    const folders = readdirSync(join(PACKAGE_ROOT, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/${name}`);
    expect(folders.filter((folder) => !named.includes(folder))).toEqual([]);
  });
});

describe("docs/README.md", () => {
  it("lists every page of docs/ but those that a listed index lists", () => {
    const index = pages.filter(({ path }) => ["docs/README.md", "docs/log/README.md"].includes(path));
    const linked = index.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#\s]+)/g)].map((match) => join(dirname(path), match[1])),
    );
    const own = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && !path.endsWith("README.md"));
    const results = own.filter((path) => path.startsWith("docs/results/lvm-"));
    expect(own.filter((path) => !linked.includes(path) && !results.includes(path))).toEqual([]);
  });
});
