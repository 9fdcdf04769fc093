import type { Command } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { DEFAULT_MODEL } from "../models/default-model.ts";

/** Variables that name a task among its like: Slurm's arrays (first task 0 or 1), then torchrun. */
const TASKS = [
  { part: "SLURM_ARRAY_TASK_ID", of: "SLURM_ARRAY_TASK_COUNT", first: "SLURM_ARRAY_TASK_MIN" },
  { part: "RANK", of: "WORLD_SIZE", first: undefined },
] as const;

/** `2/16`, or `auto` by the variables of Slurm or torchrun. Throws BAD_OPTION. */
export function readShard(text: string, env: NodeJS.ProcessEnv = process.env): { part: number; of: number } {
  if (text !== "auto") {
    const [part, of, ...rest] = text.split("/").map(Number);
    if (Number.isInteger(part) && Number.isInteger(of) && rest.length === 0) return { part, of };
    throw new SkyloopError("BAD_OPTION", `--shard is PART/OF such as 2/16, or auto, not ${text}`);
  }
  for (const { part, of, first } of TASKS) {
    if (env[part] === undefined || env[of] === undefined) continue;
    const begin = first === undefined ? 0 : Number(env[first] ?? 0);
    return { part: Number(env[part]) - begin + 1, of: Number(env[of]) };
  }
  throw new SkyloopError(
    "BAD_OPTION",
    `--shard auto needs ${TASKS.map(({ part, of }) => `${part} and ${of}`).join(", or ")} in the environment; give PART/OF`,
  );
}

/** `skyloop shards status | join | retry`. */
export function addShardsCommand(program: Command): void {
  const shards = program.command("shards").description("features that are computed in parts by tasks of a cluster");
  const verb = (name: string, description: string) =>
    shards
      .command(name)
      .argument("<survey>", "survey folder")
      .description(description)
      .option("--model <name>", "the feature set", DEFAULT_MODEL);
  verb("status", "list the parts: rows, seconds, weights, and which are missing or stopped").action(
    async (survey: string, { model }: { model: string }) => {
      const { listShards } = await import("../store/feature-shards.ts");
      const parts = listShards(survey, model);
      const lines = parts.map(({ part, of, state, done, rows, seconds, weightsHash }) =>
        [`${part}/${of}`, state, `${done}/${rows}`, `${Math.round(seconds)} s`, weightsHash?.slice(0, 12) ?? ""].join(
          "\t",
        ),
      );
      const left = parts.filter(({ state }) => state !== "done").length;
      process.stdout.write(`part\tstate\trows\ttime\tweights\n${lines.join("\n")}\n${left} of ${parts.length} left\n`);
    },
  );
  verb("join", "check the parts and put them together, as one run would have written them")
    .option("--keep", "leave the parts where they are")
    .option("--int8", "store the whole in eight bits a number: a quarter of the bytes")
    .action(async (survey: string, { model, ...options }: { model: string; keep?: boolean; int8?: boolean }) => {
      const { joinShards } = await import("../store/feature-shards.ts");
      const { count, dim } = joinShards(survey, model, options);
      process.stdout.write(
        `${survey}: features of ${model} of ${count} objects x ${dim} are whole${options.int8 ? ", in eight bits" : ""}\n`,
      );
    });
  verb("retry", "compute here what is missing or was stopped, one part after another")
    .option("--weights <file>", "the weights that the other parts were computed with")
    .option("--name <name>", "name of the feature set (default: the model)")
    .action(async (survey: string, { model, weights, name }: { model: string; weights?: string; name?: string }) => {
      const [{ listShards }, { embedSurvey }, { terminalProgress }] = await Promise.all([
        import("../store/feature-shards.ts"),
        import("../tasks/embed/embed.ts"),
        import("../base/progress.ts"),
      ]);
      const open = listShards(survey, name ?? model).filter(({ state }) => state === "missing" || state === "stopped");
      for (const { part, of } of open) {
        const progress = terminalProgress(`part ${part} of ${of}`, "stamps");
        await embedSurvey(survey, { model, weights, name, shard: { part, of }, progress });
      }
      process.stdout.write(`${open.length} parts computed; \`skyloop shards join ${survey}\` puts them together\n`);
    });
}
