import type { Command } from "commander";
import type { Unlabelled } from "../contract/api.ts";
import type { SimilarQuestion, UnusualQuestion } from "../loop/ask-similar.ts";
import { real, SEEDS, whole } from "./numbers.ts";
import { checkUnlabelled, unlabelledOption } from "./unlabelled-option.ts";

type SimilarFlags = SimilarQuestion & {
  session?: string;
  who: string;
  seed: number;
  unlabelled: Unlabelled;
  json: boolean;
};

type OutlierFlags = UnusualQuestion & { unlabelled: Unlabelled; json: boolean };

const gathered = (text: string, before: string[]) => [...before, text];

/** `skyloop similar SURVEY` and `skyloop outliers SURVEY`. */
export function addSimilarCommands(program: Command): void {
  program
    .command("similar")
    .argument("<survey>", "survey folder")
    .description("list the objects most like one or several examples; every object is compared")
    .option("--model <name>", "feature set (default: the first that is finished)")
    .option("--like <id>", "an example; may be given again", gathered, [])
    .option("--unlike <id>", "a counterexample; may be given again", gathered, [])
    .option("--position <text>", 'an example by its position, such as "10.68 41.27"; may be given again', gathered, [])
    .option("--picture <file>", "an example that is no object of the survey: JPEG, PNG or WebP", gathered, [])
    .option("--radius <arcsec>", "how far from a position its object may be", real("--radius", 0.1, 3600), 5)
    .option("--count <n>", "objects to list", whole("--count", 1, 10_000), 20)
    .option(
      "--session <target>",
      "begin a session from the examples instead; one is enough, no counterexample is needed",
    )
    .option("--who <name>", "whose session it is", process.env.USER || "me")
    .option("--seed <n>", "seed of the session", whole("--seed", 0, SEEDS), 1)
    .addOption(unlabelledOption())
    .option("--json", "one JSON object", false)
    .action(async (survey: string, { session: target, who, seed, unlabelled, ...flags }: SimilarFlags) => {
      checkUnlabelled(unlabelled, target);
      const { sessionFrom, similarObjects } = await import("../loop/ask-similar.ts");
      if (target !== undefined) {
        const session = await sessionFrom(survey, flags, { target, who, seed, unlabelled });
        const text = flags.json ? JSON.stringify({ session }) : `session ${session}: skyloop serve ${survey} shows it`;
        return void process.stdout.write(`${text}\n`);
      }
      const found = await similarObjects(survey, flags);
      if (flags.json) return void process.stdout.write(`${JSON.stringify(found)}\n`);
      for (const { object, similarity, duplicates } of found)
        process.stdout.write(
          `${similarity.toFixed(3)}  ${object}${duplicates.length === 0 ? "" : `  nearly the same: ${duplicates.join(", ")}`}\n`,
        );
    });
  program
    .command("outliers")
    .argument("<survey>", "survey folder")
    .description("list the most unusual objects with their neighbours and what is far in them; a way to begin a search")
    .option("--model <name>", "feature set (default: the first that is finished)")
    .option("--count <n>", "objects to list", whole("--count", 1, 500), 20)
    .option("--seed <n>", "seed of the forest", whole("--seed", 0, SEEDS), 1)
    .option("--name <name>", "name of the table that is kept with the survey, for filters and exports", "unusual")
    .option("--session <target>", "also begin a session that shows the unusual first, until something is positive")
    .option("--who <name>", "whose session it is", process.env.USER || "me")
    .addOption(unlabelledOption())
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: OutlierFlags) => {
      checkUnlabelled(flags.unlabelled, flags.session);
      const { unusualObjects } = await import("../loop/ask-similar.ts");
      const { objects, session } = await unusualObjects(survey, flags);
      if (flags.json) return void process.stdout.write(`${JSON.stringify({ objects, session })}\n`);
      const number = (value: number) => Number(value.toPrecision(3));
      for (const { object, score, near, far } of objects)
        process.stdout.write(
          `${score.toFixed(3)}  ${object}  far: ${far.map(({ name, value, unit, sigmas }) => `${name} ${number(value)}${unit === undefined ? "" : ` ${unit}`} (${sigmas > 0 ? "+" : ""}${sigmas.toFixed(1)} sd)`).join(", ") || "nothing alone"}; near: ${near.map((one) => `${one.object} ${one.similarity.toFixed(2)}`).join(", ")}\n`,
        );
      process.stdout.write(
        `kept as ${flags.name} of ${survey}${session === null ? "" : `; session ${session} shows them first: skyloop serve ${survey}`}\n`,
      );
    });
}
