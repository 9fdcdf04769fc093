import type { Command } from "commander";

/** `skyloop embed SURVEY --model NAME`. */
export function addEmbedCommand(program: Command): void {
  program
    .command("embed")
    .argument("<survey>", "survey folder")
    .description("compute the features of a survey; a stopped run goes on where it was")
    .option("--model <name>", "model of the table (skyloop model list)", "lvm-nano")
    .option("--weights <file>", "safetensors weights other than the released ones")
    .option("--name <name>", "name of the feature set, to keep several of one model")
    .action(async (folder: string, options: { model: string; weights?: string; name?: string }) => {
      const [{ embedSurvey }, { terminalProgress }] = await Promise.all([import("../tasks/embed.ts"), import("../base/progress.ts")]);
      const { computed, total } = await embedSurvey(folder, {
        ...options,
        progress: terminalProgress(`features of ${options.name ?? options.model}`, "stamps"),
      });
      process.stdout.write(`${total} stamps have features of ${options.name ?? options.model} (${computed} computed now, ${total - computed} before)\n`);
    });
}
