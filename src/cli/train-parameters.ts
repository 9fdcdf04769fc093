import { join } from "node:path";
import type { Command } from "commander";
import type { ParametersResult } from "../train/parameters/train-parameters.ts";
import { SEEDS, whole } from "./numbers.ts";

interface Flags {
  columns: string;
  missing?: string;
  circular?: string;
  model?: string;
  features: string | boolean;
  measured: string | boolean;
  name: string;
  out?: string;
  seed: number;
  mostTrain?: number;
  steps?: number;
  components: number;
  json: boolean;
}

const listed = (text: string | undefined) =>
  (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);

/** `skyloop train parameters SURVEY --columns …`. */
export function addTrainParametersCommand(train: Command): void {
  train
    .command("parameters")
    .argument("<survey>", "survey folder")
    .description(
      "learn columns of numbers (type, bulge share, size, redshift …) with intervals; writes a head, measures and a report, and the whole survey's table",
    )
    .requiredOption("--columns <names>", "columns of the catalogue, separated by commas")
    .option(
      "--missing <values>",
      'values that mean "no value", separated by commas, or none; NAME=VALUE says it of one column',
    )
    .option("--circular <names>", "columns that are angles in degrees, the same after half a turn")
    .option("--model <name>", "encoder (see skyloop model list; default: that of the survey's features)")
    .option("--features <name>", "feature set to use (default: the name of the model)")
    .option("--no-features", "learn from measured numbers alone")
    .option("--measured <name>", "table of measurements to use (see skyloop measure)", "measured")
    .option("--no-measured", "learn from features alone")
    .option("--name <name>", "name of the table of predictions that is kept with the survey", "parameters")
    .option("--out <folder>", "folder of the head (default: heads/SURVEY-NAME-MODEL)")
    .option("--seed <n>", "seed of the split, the folds and the initial weights", whole("--seed", 0, SEEDS), 1)
    .option("--most-train <n>", "learn from at most so many objects", whole("--most-train", 10))
    .option("--steps <n>", "steps of training (default: by the number of objects)", whole("--steps", 1))
    .option(
      "--components <n>",
      "normal distributions that each network says of an object together, 1 to 8; 3 for numbers that can be one thing or another (bulge share, Sersic index)",
      whole("--components", 1, 8),
      1,
    )
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: Flags) => {
      const [{ trainParameters }, { modelOfSurvey }, { terminalProgress, SILENT }, { SkyloopError }] =
        await Promise.all([
          import("../train/parameters/train-parameters.ts"),
          import("../loop/survey-model.ts"),
          import("../base/progress.ts"),
          import("../base/errors.ts"),
        ]);
      const said = missingFrom(flags.missing);
      if (said === null)
        throw new SkyloopError(
          "BAD_OPTION",
          `--missing is numbers or NAME=NUMBER separated by commas, or none, not ${flags.missing}`,
        );
      const model = flags.model ?? modelOfSurvey(survey);
      const features =
        flags.features === false ? null : { model, name: typeof flags.features === "string" ? flags.features : model };
      const place = survey.split(/[/\\]/).filter(Boolean).at(-1);
      const out = flags.out ?? join("heads", `${place}-${flags.name}-${features?.name ?? "measured"}`);
      const columns = listed(flags.columns);
      const circular = listed(flags.circular);
      const unknown = circular.find((name) => !columns.includes(name));
      if (unknown !== undefined)
        throw new SkyloopError("BAD_OPTION", `--circular names ${unknown}, which is not among --columns`);
      const result = await trainParameters(survey, {
        columns,
        ...said,
        circular,
        features,
        table: typeof flags.measured === "string" ? flags.measured : null,
        name: flags.name,
        out,
        mostTrain: flags.mostTrain,
        ensemble: {
          seed: flags.seed,
          components: flags.components,
          ...(flags.steps === undefined ? {} : { steps: flags.steps }),
        },
        command: `skyloop ${process.argv.slice(2).join(" ")}`,
        progress: flags.json ? SILENT : terminalProgress("stamps", "stamps"),
      });
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(result)}\n`
          : `${describe(result)}kept as ${result.kept} of ${survey}; head, measures and report in ${out} (open ${join(out, "report.html")})\n`,
      );
    });
}

/** What stands for "no value", of all columns and of single ones; null where the text says neither. */
function missingFrom(
  text: string | undefined,
): { missing: number[] | null; missingOf: Record<string, number[]> } | null {
  const [all, missingOf]: [number[], Record<string, number[]>] = [[], {}];
  let anyOfAll = text === "none";
  for (const part of text === "none" ? [] : listed(text)) {
    const [, name, value] = /^(?:(.+)=)?([^=]+)$/.exec(part) ?? [];
    if (!Number.isFinite(Number(value)) && value !== "none") return null;
    const own = value === "none" ? [] : [Number(value)];
    if (name === undefined) {
      anyOfAll = true;
      all.push(...own);
    } else missingOf[name] = [...(missingOf[name] ?? []), ...own];
  }
  return { missing: anyOfAll ? all : null, missingOf };
}

function describe({ parameters, farObjects, count }: ParametersResult): string {
  const show = (value: number | null) => (value === null ? "-" : value.toPrecision(3));
  const lines = parameters.flatMap(({ name, objects, scores, baselines, coverage, warnings }) => {
    const held = coverage?.find(({ level }) => level === 0.9);
    return [
      `${name}: ${objects.test} test objects, RMSE ${show(scores.rmse)} (mean alone ${show(baselines.constant)}, measured numbers alone ${show(baselines.measured)}), R2 ${scores.r2.toFixed(3)}; ${
        held === undefined
          ? "no intervals"
          : `90 % intervals hold ${(100 * held.all).toFixed(1)} % (thirds ${held.thirds.map((third) => (100 * third).toFixed(0)).join(", ")} %), ${show(held.meanWidth)} wide`
      }`,
      ...warnings.map((text) => `  beware: ${text}`),
    ];
  });
  return `${lines.join("\n")}\n${farObjects} of ${count} objects are far from what was learned from\n`;
}
