import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { writeSection } from "./page-section.ts";

const FOLDER = join(PACKAGE_ROOT, "recipes");
const FIRST_FILE = join(PACKAGE_ROOT, "src/cli/run-recipe.ts");

/** Names of the recipes that are programs of their own; the .json files beside them are for `skyloop pretrain`. */
export function listRecipes(): string[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((file) => /^[a-z0-9-]+\.ts$/.test(file))
    .map((file) => file.slice(0, -3))
    .sort();
}

/** The comment that a recipe's file begins with (command, hours, hardware, expected result), without its stars. */
export function headerOf(name: string): string {
  const found = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(FOLDER, `${name}.ts`), "utf8"));
  return (found?.[1] ?? "").replace(/^[ \t]*\*[ \t]?/gm, "").trim();
}

/** `skyloop recipe [NAME] [options]`: a recipe is a source file that imports src/, run in a process of its own. */
export function addRecipeCommand(program: Command): void {
  program
    .command("recipe")
    .argument("[name]", "name of the recipe (default: list them)")
    .argument(
      "[options...]",
      "options of the recipe (see NAME --help); --write PAGE saves the result in a Markdown page",
    )
    .description("reproduce a table or figure of the paper on public data")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (name: string | undefined, options: string[]) => {
      const names = listRecipes();
      if (name === undefined || name === "--help") {
        for (const found of names) process.stdout.write(`${found.padEnd(10)}  ${headerOf(found).split("\n")[0]}\n`);
        return;
      }
      if (!names.includes(name))
        throw new SkyloopError(
          "UNKNOWN_RECIPE",
          `no recipe ${name}; there are ${names.join(", ") || "none: they are part of the repository, clone it"}`,
        );
      if (options.includes("--help")) {
        process.stdout.write(`${headerOf(name)}\n`);
        return;
      }
      process.exitCode = await runRecipe(name, options);
    });
}

/**
 * Runs a recipe and returns its exit code. `--write PAGE` among the options also puts what it prints into its section
 * of that Markdown page.
 */
async function runRecipe(name: string, given: string[]): Promise<number> {
  const options = given.slice();
  const at = options.indexOf("--write");
  const [, page] = at < 0 ? [] : options.splice(at, 2);
  if (at >= 0 && page === undefined)
    throw new SkyloopError("BAD_OPTION", "--write names a Markdown page, such as FILE.md");
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), FIRST_FILE, join(FOLDER, `${name}.ts`), ...options],
    { stdio: ["inherit", page === undefined ? "inherit" : "pipe", "inherit"] },
  );
  const printed: Buffer[] = [];
  child.stdout?.on("data", (part: Buffer) => {
    printed.push(part);
    process.stdout.write(part);
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0 && page !== undefined)
    writeSection(
      page,
      ["bin/skyloop recipe", name, ...options].join(" "),
      Buffer.concat(printed).toString("utf8"),
      new Date().toISOString().slice(0, 10),
    );
  return code ?? 1;
}
