import type { Command } from "commander";

/** `skyloop pretrain RECIPE --out RUN`. */
export function addPretrainCommand(program: Command): void {
  program
    .command("pretrain")
    .argument("<recipe>", "recipe file (recipes/*.json)")
    .description("train an encoder without human labels; a stopped run goes on where it was, bit for bit")
    .requiredOption("--out <folder>", "the run's folder: metrics, checkpoint, weights")
    .option("--survey <folder...>", "surveys to train on, instead of the recipe's")
    .action(async (path: string, options: { out: string; survey?: string[] }) => {
      const [{ pretrain }, { readRecipe }, { terminalProgress }] = await Promise.all([
        import("../train/pretrain.ts"),
        import("../train/recipe.ts"),
        import("../base/progress.ts"),
      ]);
      const recipe = readRecipe(path);
      const surveys = options.survey ?? recipe.surveys;
      const { finished, step } = await pretrain({ ...recipe, surveys }, { out: options.out, progress: terminalProgress("pretrain", "steps") });
      process.stdout.write(`${finished ? "finished" : "stopped"} at step ${step} of ${recipe.steps}; weights in ${options.out}/encoder.safetensors\n`);
    });
}
