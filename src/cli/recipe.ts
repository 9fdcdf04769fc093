import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";

/** What every recipe is told; recipes with options of their own add them to it. */
export interface RecipeFlags {
  /** Repetitions with different draws and initial weights. */
  seeds: number;
  /** A small run that shows that everything works; its numbers mean nothing. */
  quick: boolean;
  /** Folder of the report. */
  out: string;
  /** Folder of the real images (efigi, gz_kaggle, …). */
  data: string;
}

/** A recipe file (recipes/NAME.ts) exports one of these as `recipe` and begins with a comment: command, hours, hardware, expected result. */
export interface Recipe<Flags extends RecipeFlags = RecipeFlags> {
  /** Adds the recipe's own options. */
  options?(command: Command): void;
  run(flags: Flags): Promise<void>;
}

const FOLDER = join(PACKAGE_ROOT, "recipes");

/** Names of the recipes that are runs of their own; the .json files beside them are for `skyloop pretrain`. */
export function listRecipes(): string[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((file) => /^[a-z0-9-]+\.ts$/.test(file))
    .map((file) => file.slice(0, -3))
    .sort();
}

/** The comment that a recipe's file begins with, without its stars. */
export function headerOf(name: string): string {
  const found = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(FOLDER, `${name}.ts`), "utf8"));
  return (found?.[1] ?? "").replace(/^[ \t]*\*[ \t]?/gm, "").trim();
}

/** The command line of one recipe. Throws UNKNOWN_RECIPE with the names there are. */
export async function recipeCommand(name: string): Promise<Command> {
  const names = listRecipes();
  if (!names.includes(name))
    throw new SkyloopError("UNKNOWN_RECIPE", `no recipe ${name}; there are ${names.join(", ") || "none: recipes are part of the repository, clone it"}`);
  const { recipe } = (await import(pathToFileURL(join(FOLDER, `${name}.ts`)).href)) as { recipe: Recipe };
  const command = new Command(`skyloop recipe ${name}`)
    .description(headerOf(name))
    .exitOverride()
    .option("--seeds <n>", "repetitions with different draws and initial weights", Number, 3)
    .option("--quick", "a small run that shows that everything works; its numbers mean nothing", false)
    .option("--out <folder>", "folder of the report", join("reports", name))
    .option("--data <folder>", "folder of the real images", join(PACKAGE_ROOT, "../shared/data"));
  recipe.options?.(command);
  command.action(async (flags: RecipeFlags) => {
    if (!Number.isInteger(flags.seeds) || flags.seeds < 1) throw new SkyloopError("BAD_OPTION", `--seeds is a whole number from 1, not ${flags.seeds}`);
    await recipe.run(flags);
  });
  return command;
}

/** `skyloop recipe [NAME] [options]`. Recipes are sources that import src/, so bin/skyloop runs this verb from the sources. */
export function addRecipeCommand(program: Command): void {
  program
    .command("recipe")
    .argument("[name]", "recipe; without one they are listed")
    .argument("[options...]", "--seeds N, --quick, --out FOLDER, --data FOLDER and the recipe's own (skyloop recipe NAME --help)")
    .description("make a table or figure of the paper on data that can be reached")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (name: string | undefined, options: string[]) => {
      if (name === undefined || name === "--help") {
        for (const found of listRecipes()) process.stdout.write(`${found.padEnd(10)}  ${headerOf(found).split("\n")[0]}\n`);
        return;
      }
      await (await recipeCommand(name)).parseAsync(options, { from: "user" });
    });
}
