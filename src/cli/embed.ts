import { type Command, Option } from "commander";
import { DEFAULT_MODEL } from "../models/default-model.ts";
import type { Precision } from "../torch/index.ts";
import { readShard } from "./shards.ts";

/** `skyloop embed SURVEY --model NAME`. */
export function addEmbedCommand(program: Command): void {
  program
    .command("embed")
    .argument("<survey>", "survey folder")
    .description("compute the features of all objects in a survey; a stopped run resumes")
    .option("--model <name>", "encoder (see skyloop model list)", DEFAULT_MODEL)
    .option("--weights <file>", "safetensors weights to use instead of the released ones")
    .option("--name <name>", "name of the feature set (default: the model), to keep several of one model")
    .option(
      "--pooling <name>",
      "last or stages: which encoder stages are pooled (default: as the weights were trained)",
    )
    .addOption(
      new Option(
        "--precision <name>",
        "precision of matrix products; bfloat16 is faster on processors that have it, and features differ by less than 0.5 %",
      )
        .choices(["float32", "bfloat16"])
        .default("float32"),
    )
    .option(
      "--shard <part/of>",
      "only this part of the objects, for tasks of a cluster; `auto` takes it from Slurm's or torchrun's variables",
    )
    .option("--int8", "store the finished set in eight bits a number: a quarter of the bytes (docs/scale.md)", false)
    .action(
      async (
        folder: string,
        {
          pooling,
          shard,
          int8,
          ...options
        }: {
          model: string;
          weights?: string;
          name?: string;
          pooling?: string;
          precision: Precision;
          shard?: string;
          int8: boolean;
        },
      ) => {
        const [{ embedSurvey }, { terminalProgress }, { POOLINGS }, { SkyloopError }] = await Promise.all([
          import("../tasks/embed/embed.ts"),
          import("../base/progress.ts"),
          import("../models/feature-pooling.ts"),
          import("../base/errors.ts"),
        ]);
        const wanted = POOLINGS.find((name) => name === pooling);
        if (pooling !== undefined && wanted === undefined)
          throw new SkyloopError("BAD_OPTION", `--pooling is ${POOLINGS.join(" or ")}, not ${pooling}`);
        if (int8 && shard !== undefined)
          throw new SkyloopError(
            "BAD_OPTION",
            "--int8 needs all objects to choose the steps by; give it to `skyloop shards join`, not to a part",
          );
        const { computed, total } = await embedSurvey(folder, {
          ...options,
          pooling: wanted,
          shard: shard === undefined ? undefined : readShard(shard),
          progress: terminalProgress(`features of ${options.name ?? options.model}`, "stamps"),
        });
        process.stdout.write(
          `${total} stamps${shard === undefined ? "" : " of this part"} have features of ${options.name ?? options.model} (${computed} computed now, ${total - computed} before)\n`,
        );
        if (!int8) return;
        const { storeInInt8 } = await import("../store/int8-features.ts");
        const cost = storeInInt8(folder, options.name ?? options.model);
        process.stdout.write(
          cost === null
            ? "they are stored in eight bits already\n"
            : `stored in eight bits: the largest change is ${cost.worstSd.toFixed(3)} of a column's standard deviation; ${cost.cut} numbers beyond the range were cut\n`,
        );
      },
    );
}
