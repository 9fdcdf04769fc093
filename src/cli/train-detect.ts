import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { real, SEEDS, whole } from "./numbers.ts";

interface TrainDetectFlags {
  classes?: string[];
  backbone: string;
  weights?: string;
  scratch: boolean;
  out?: string;
  channels: number;
  windows: number;
  enlarge: number;
  steps: number;
  batch: number;
  size: number;
  rate?: number;
  from?: string;
  also?: string[];
  alsoShare: number;
  paint?: number;
  validateEvery: number;
  seed: number;
  threads?: number;
  json: boolean;
}

/** `skyloop train detect FIELDS...`. */
export function addTrainDetectCommand(train: Command): void {
  train
    .command("detect")
    .argument("<fields...>", "folders of fields: images and annotations.json in COCO's format")
    .description(
      "train a detector (Mask R-CNN) of the objects that the fields' annotations name; a run that was stopped goes on",
    )
    .option(
      "--classes <names>",
      "find only objects of these classes, separated by commas; others are background",
      (text: string) => text.split(",").map((name) => name.trim()),
    )
    .option("--backbone <name>", "an encoder (see skyloop model list), or resnet18, resnet50", "lvm-nano")
    .option("--weights <file>", "weights of the backbone instead of the released ones")
    .option("--scratch", "begin from initial weights", false)
    .option("--out <folder>", "folder of the run (default: heads/FIELDS-detect-BACKBONE)")
    .option("--channels <n>", "width of everything behind the backbone", whole("--channels", 1, 65536), 64)
    .option(
      "--windows <px>",
      "side of the images that an encoder's windows are cut for",
      whole("--windows", 8, 8192),
      256,
    )
    .option(
      "--enlarge <n>",
      "show images to the network so many times as large: small objects are seen better, at the square of the cost",
      whole("--enlarge", 1, 4),
      1,
    )
    .option("--steps <n>", "training steps", whole("--steps", 1, 1000000000), 1500)
    .option("--batch <n>", "crops a step", whole("--batch", 1, 65536), 8)
    .option("--size <px>", "side of the crops, a multiple of 32", whole("--size", 8, 4096), 128)
    .option(
      "--rate <n>",
      "largest learning rate; pre-trained weights learn at 0.3 of it (default: 0.001, or 0.0002 with --from)",
      real("--rate", 1e-9, 10),
    )
    .option("--from <detector>", "go on from a detector: a detector.safetensors, or the name of a released one")
    .option(
      "--also <dir:session...>",
      "verdicts on detections: what was confirmed or drawn is there, what was rejected is not",
    )
    .option("--also-share <n>", "share of the crops that shows what --also says", real("--also-share", 0, 1), 0.5)
    .option(
      "--paint <n>",
      "paint lenses into the crops: none, one or two of N simulated ones, in other places each time (g, r, z)",
      whole("--paint", 1, 20000),
    )
    .option(
      "--validate-every <n>",
      "steps between measures of the validation fields",
      whole("--validate-every", 1, 1000000000),
      250,
    )
    .option("--seed <n>", "seed of the split, the initial weights and the order", whole("--seed", 0, SEEDS), 1)
    .option("--threads <n>", "threads of libtorch", whole("--threads", 1, 4096))
    .option("--json", "one JSON object", false)
    .action(async (folders: string[], flags: TrainDetectFlags) => {
      const [{ trainDetect }, { verdictsNamed }, { nameOf }, { terminalProgress, SILENT }, { setThreads }, found] =
        await Promise.all([
          import("../train/detect/index.ts"),
          import("../loop/verdicts.ts"),
          import("./train-image.ts"),
          import("../base/progress.ts"),
          import("../torch/index.ts"),
          detectorFile(flags.from),
        ]);
      if (flags.threads !== undefined) setThreads(flags.threads);
      const out = flags.out ?? join("heads", `${nameOf(folders[0])}-detect-${flags.backbone}`);
      const result = await trainDetect(folders, {
        ...flags,
        from: found,
        also: await Promise.all((flags.also ?? []).map(verdictsNamed)),
        out,
        windowsPx: flags.windows,
        batchSize: flags.batch,
        sizePx: flags.size,
        learningRate: flags.rate,
        command: `skyloop ${process.argv.slice(2).join(" ")}`,
        reading: flags.json ? SILENT : terminalProgress("reading", "fields"),
        progress: flags.json ? SILENT : terminalProgress("detect", "steps"),
      });
      if (result === null) return;
      const { validation } = result.details;
      const shown = Object.entries(validation).map(
        ([name, value]) => `${name} ${value === null ? "-" : value.toFixed(3)}`,
      );
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${shown.join(", ")} on ${result.fields.validation} validation fields; weights of step ${result.best}, ${join(out, "detector.safetensors")}\n`,
      );
    });
}

/** The file of a detector: as it is given, or a released one's by its name. */
async function detectorFile(given: string | undefined): Promise<string | undefined> {
  if (given === undefined || existsSync(given)) return given;
  const released = (await import("../models/index.ts")).releasedWeights(given);
  return existsSync(released) ? released : given;
}
