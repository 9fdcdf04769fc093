import type { Command } from "commander";

/** `skyloop pretrain RECIPE --out RUN`. */
export function addPretrainCommand(program: Command): void {
  program
    .command("pretrain")
    .argument("<recipe>", "recipe file (recipes/*.json)")
    .description(
      "train an encoder without human labels unless the recipe names catalogues; a stopped run resumes and gives the same weights, bit for bit. Several processes train together under torchrun or Slurm, or with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
    )
    .requiredOption("--out <folder>", "folder for metrics, checkpoint and weights")
    .option("--survey <folder...>", "surveys to train on (default: those of the recipe)")
    .action(async (path: string, options: { out: string; survey?: string[] }) => {
      const [{ pretrain }, { readRecipe }, { SILENT, terminalProgress }, { joinGroup, placeFrom }] = await Promise.all([
        import("../train/pretrain/pretrain.ts"),
        import("../train/pretrain/recipe.ts"),
        import("../base/progress.ts"),
        import("../torch/index.ts"),
      ]);
      const recipe = readRecipe(path);
      const surveys = options.survey ?? recipe.surveys;
      const place = placeFrom(process.env);
      const group = place === null ? null : joinGroup(place);
      const progress = place === null || place.rank === 0 ? terminalProgress("pretrain", "steps") : SILENT;
      const { finished, step } = await pretrain({ ...recipe, surveys }, { out: options.out, progress, group });
      group?.leave();
      if (place !== null && place.rank > 0) return;
      process.stdout.write(
        `${finished ? "finished" : "stopped"} at step ${step} of ${recipe.steps}; weights in ${options.out}/encoder.safetensors\n`,
      );
    });
}
