import type { Command } from "commander";
import { SEEDS, whole } from "./numbers.ts";

interface Options {
  count: number;
  seed: number;
  size: number;
  workers?: number;
  contactSheet?: string;
}

/** `skyloop survey simulate OUT` and `skyloop survey sheet SURVEY FILE`. */
export function addSimulateCommand(survey: Command): void {
  survey
    .command("simulate")
    .argument("<out>", "folder of the new survey")
    .description("simulate galaxies with known parameters as the Legacy Surveys would see them")
    .option("--count <n>", "number of galaxies", whole("--count", 1, 1e7), 2000)
    .option("--seed <n>", "seed: the same one gives the same survey", whole("--seed", 0, SEEDS), 1)
    .option("--size <px>", "side of the stamps", whole("--size", 16, 1024), 128)
    .option("--workers <n>", "threads", whole("--workers", 1, 1024))
    .option("--contact-sheet <file>", "also write a picture of up to 100 of them")
    .action(async (out: string, { count, seed, size, workers, contactSheet }: Options) => {
      const [{ simulateSurvey }, { terminalProgress }] = await Promise.all([
        import("../survey/simulate/index.ts"),
        import("../base/progress.ts"),
      ]);
      const header = await simulateSurvey(out, {
        count,
        seed,
        sizePx: size,
        workers,
        progress: terminalProgress("simulating", "galaxies"),
        command: process.argv.slice(2).join(" "),
      });
      process.stdout.write(`${out}: ${header.count} simulated galaxies, data ${header.dataHash.slice(0, 12)}\n`);
      if (contactSheet !== undefined)
        await (await import("../stamps/contact-sheet.ts")).writeContactSheet(out, contactSheet, 100, seed);
    });
  survey
    .command("sheet")
    .argument("<survey>", "survey folder")
    .argument("<file>", "picture to write: .png, .jpg or .webp")
    .description("write a contact sheet of stamps")
    .option("--count <n>", "number of stamps", whole("--count", 1, 10_000), 64)
    .option("--seed <n>", "seed of the choice of stamps", whole("--seed", 0, SEEDS), 1)
    .action(async (folder: string, file: string, { count, seed }: { count: number; seed: number }) => {
      const shown = await (await import("../stamps/contact-sheet.ts")).writeContactSheet(folder, file, count, seed);
      process.stdout.write(`${file}: ${shown} stamps\n`);
    });
}
