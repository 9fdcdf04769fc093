import { join } from "node:path";
import type { Command } from "commander";
import { real, SEEDS, whole } from "./numbers.ts";
import { nameOf } from "./train-image.ts";

interface MultitaskFlags {
  strategy: string;
  column: string;
  images: string;
  model: string;
  weights?: string;
  out?: string;
  seed: number;
  splitSeed: number;
  steps: number;
  batch: number;
  size: number;
  knownSeeing: boolean;
  temperature: number;
  floor: number;
  shareEvery: number;
  threads?: number;
  json: boolean;
}

/** `skyloop train multitask CLASSES --images SURVEY --strategy active`. */
export function addTrainMultitaskCommand(train: Command): void {
  train
    .command("multitask")
    .argument("<classes>", "survey with a class column")
    .requiredOption("--images <survey>", "survey of the image tasks")
    .description("train classification, restoration and reconstruction together on one encoder")
    .option(
      "--strategy <name>",
      "pretrain (encoder frozen), uniform (equal shares) or active (more steps for worse tasks)",
      "active",
    )
    .option("--column <name>", "column with one class per object", "label")
    .option("--model <name>", "encoder (see skyloop model list)", "lvm-nano")
    .option("--weights <file>", "weights of the encoder instead of the released ones")
    .option("--out <folder>", "folder of the run (default: heads/CLASSES-multitask-STRATEGY-MODEL)")
    .option("--seed <n>", "seed of the initial weights and the order", whole("--seed", 0, SEEDS), 1)
    .option(
      "--split-seed <n>",
      "seed of the split into training, validation and test",
      whole("--split-seed", 0, SEEDS),
      1,
    )
    .option("--steps <n>", "training steps, all tasks together", whole("--steps", 1, 1000000000), 1500)
    .option(
      "--batch <n>",
      "crops per step; classification takes four times as many images",
      whole("--batch", 1, 65536),
      8,
    )
    .option("--size <px>", "side of the crops, a multiple of 32", whole("--size", 8, 4096), 64)
    .option("--known-seeing", "give restoration the FWHM of each image; predict then requires --fwhm", false)
    .option(
      "--temperature <t>",
      "active: temperature of the shares; a small one gives nearly all steps to the worst task",
      real("--temperature", 1e-6, 1e6),
    )
    .option("--floor <share>", "active: smallest share of a task", real("--floor", 0, 1))
    .option(
      "--share-every <n>",
      "active: steps between updates of the shares, from the validation split",
      whole("--share-every", 1, 1000000000),
      100,
    )
    .option("--threads <n>", "threads of libtorch", whole("--threads", 1, 4096))
    .option("--json", "one JSON object", false)
    .action(async (classes: string, flags: MultitaskFlags) => {
      const [
        { trainMultitask, STRATEGIES, DEFAULT_ACTIVE },
        { methodsTable },
        { describeClasses },
        { terminalProgress, SILENT },
        { SkyloopError },
        { setThreads },
      ] = await Promise.all([
        import("../train/multitask/multitask.ts"),
        import("../tasks/images/evaluate.ts"),
        import("./evaluate.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
        import("../torch/index.ts"),
      ]);
      const strategy = STRATEGIES.find((name) => name === flags.strategy);
      if (strategy === undefined)
        throw new SkyloopError("BAD_OPTION", `--strategy is one of ${STRATEGIES.join(", ")}, not ${flags.strategy}`);
      if (flags.threads !== undefined) setThreads(flags.threads);
      const out = flags.out ?? join("heads", `${nameOf(classes)}-multitask-${strategy}-${flags.model}`);
      const result = await trainMultitask({
        strategy,
        classes,
        column: flags.column,
        images: flags.images,
        model: flags.model,
        weights: flags.weights,
        out,
        seed: flags.seed,
        splitSeed: flags.splitSeed,
        steps: flags.steps,
        batchSize: flags.batch,
        sizePx: flags.size,
        seeingKnown: flags.knownSeeing,
        active: {
          temperature: flags.temperature ?? DEFAULT_ACTIVE.temperature,
          floor: flags.floor ?? DEFAULT_ACTIVE.floor,
        },
        validateEvery: flags.shareEvery,
        command: `skyloop ${process.argv.slice(2).join(" ")}`,
        reading: flags.json ? SILENT : terminalProgress("reading", "images"),
        progress: flags.json ? SILENT : terminalProgress("multitask", "steps"),
      });
      if (result === null) return;
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${describeClasses(result.classes, result.classify)}\nrestoration\n${methodsTable(result.restore)}\nreconstruction\n${methodsTable(result.reconstruct)}\nsteps: classify ${result.stepsOfTask[0]}, restore ${result.stepsOfTask[1]}, reconstruct ${result.stepsOfTask[2]}; models, measures and shares.svg in ${out}\n`,
      );
    });
}
