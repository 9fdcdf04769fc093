import { writeFileSync } from "node:fs";
import { Argument, type Command, Option } from "commander";
import type { Profile, ProfileRow } from "../nn/profile.ts";
import type { Precision } from "../torch/index.ts";
import { whole } from "./numbers.ts";

interface Options {
  model: string;
  batch: number;
  size?: number;
  precision: Precision;
  rows: number;
  trace?: string;
  json: boolean;
}

/** `skyloop profile forward|train --model NAME`. */
export function addProfileCommand(program: Command): void {
  program
    .command("profile")
    .addArgument(
      new Argument("<work>", "forward: encode a batch; train: a training step of the autoencoder").choices([
        "forward",
        "train",
      ]),
    )
    .description("time by operator and by module for one batch, after two warm-up batches")
    .requiredOption("--model <name>", "encoder (see skyloop model list)")
    .option("--batch <n>", "images per batch", whole("--batch", 1, 65536), 16)
    .option("--size <px>", "side of the images (default: that of the encoder)", whole("--size", 8, 4096))
    .addOption(
      new Option("--precision <name>", "precision of matrix products")
        .choices(["float32", "bfloat16"])
        .default("float32"),
    )
    .option("--rows <n>", "rows of each table", whole("--rows", 1, 100000), 20)
    .option("--trace <file>", "also write a Chrome trace (chrome://tracing, Perfetto)")
    .option("--json", "one JSON object", false)
    .action(async (work: "forward" | "train", options: Options) => {
      const [{ createModel }, { chromeTrace, profileModule }, { Adam, mseLoss, noGrad, rand, scope, setPrecision }] =
        await Promise.all([import("../models/index.ts"), import("../nn/profile.ts"), import("../torch/index.ts")]);
      setPrecision(options.precision);
      const model = createModel(options.model).train(work === "train");
      const sizePx = options.size ?? model.config.imageSize;
      const images = rand([options.batch, 3, sizePx, sizePx]);
      const optimiser = work === "train" ? new Adam(model.namedParameters(), { learningRate: 1e-4 }) : null;
      const step = () => {
        if (optimiser === null) return noGrad(() => scope(() => void model.encode(images).features.mean(1)));
        optimiser.zeroGrad();
        scope(() => mseLoss(model.forward(images), images).backward());
        optimiser.step();
      };
      for (let i = 0; i < 2; i++) step();
      const profile = profileModule(model, step);
      if (options.trace !== undefined) writeFileSync(options.trace, chromeTrace(profile));
      if (options.json) {
        const { ms, byOperator, byModule } = profile;
        process.stdout.write(
          `${JSON.stringify({ work, model: options.model, batch: options.batch, sizePx, precision: options.precision, ms, byOperator, byModule })}\n`,
        );
        return;
      }
      process.stdout.write(
        `${work}, ${options.model}, batch ${options.batch}, ${sizePx} px, ${options.precision}: ${profile.ms.toFixed(1)} ms\n`,
      );
      process.stdout.write(table("operator", profile.byOperator, options.rows));
      process.stdout.write(table("module", profile.byModule, options.rows));
      process.stdout.write(outside(profile));
    });
}

/** What lies between the operators: JavaScript, conversions of arguments, the profile itself. */
function outside({ ms, byOperator }: Profile): string {
  const inside = byOperator.reduce((total, row) => total + row.ms, 0);
  return `\nbetween operators: ${(ms - inside).toFixed(1)} ms (${((100 * (ms - inside)) / ms).toFixed(1)} %)\n`;
}

function table(title: string, rows: ProfileRow[], limit: number): string {
  const width = Math.max(title.length, ...rows.slice(0, limit).map(({ name }) => name.length));
  const lines = rows
    .slice(0, limit)
    .map(
      ({ name, ms, calls, bytes, share }) =>
        `${name.padEnd(width)} ${ms.toFixed(2).padStart(10)} ${String(calls).padStart(7)} ${(bytes / 1e6).toFixed(1).padStart(10)} ${(100 * share).toFixed(1).padStart(7)}`,
    );
  return `\n${title.padEnd(width)} ${"ms".padStart(10)} ${"calls".padStart(7)} ${"MB".padStart(10)} ${"share %".padStart(7)}\n${lines.join("\n")}\n`;
}
