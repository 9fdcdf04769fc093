import type { Command } from "commander";
import { SEEDS, whole } from "./numbers.ts";

interface ProbeFlags {
  model: string;
  column?: string;
  positive?: string;
  negative?: string;
  suites?: string;
  sizes: string;
  heads: string;
  networks?: string;
  networkSeeds: number;
  networkSteps: number;
  seeds: number;
  split: number;
  write?: string;
  json: boolean;
}

const listed = (text: string | undefined) =>
  text === undefined || text === "" ? [] : text.split(",").map((part) => part.trim());

/** `skyloop probe SURVEY… --model NAME --column C`. */
export function addProbeCommand(program: Command): void {
  program
    .command("probe")
    .argument("[survey...]", "survey folders with labels; their objects are pooled")
    .description("measure classifiers on frozen features against a label column, from a few examples to all")
    .requiredOption(
      "--model <name>",
      "feature set, pixels-pca (principal components of the pixels), or random:MODEL (initial weights)",
    )
    .option(
      "--column <names>",
      "label column; one per survey, separated by commas, if they differ; @survey asks which survey an object is from",
    )
    .option("--positive <values>", "values of the positive class, separated by commas (default: each value is a class)")
    .option("--negative <values>", "with --positive: values of the negative class (default: all others)")
    .option(
      "--suites <file>",
      "instead of surveys and --column: a file of suites such as recipes/suites.json; prints one table",
    )
    .option("--sizes <list>", "examples per class, separated by commas; 0 for all", "5,10,15,50,400")
    .option(
      "--heads <names>",
      "nearest (nearest neighbours), linear (logistic regression), loop (the learner of a session)",
      "nearest,linear,loop",
    )
    .option(
      "--networks <names>",
      "networks to train on the images of the same examples: resnet18 (from scratch), lvm-nano (fine-tuned)",
    )
    .option("--network-seeds <n>", "number of draws of the examples for networks", whole("--network-seeds", 1, 1000), 3)
    .option(
      "--network-steps <n>",
      "training steps of a network, 32 images each",
      whole("--network-steps", 1, 10000000),
      300,
    )
    .option("--seeds <n>", "number of draws of the examples", whole("--seeds", 1, 1000), 10)
    .option("--split <seed>", "seed of the split into training and validation", whole("--split", 0, SEEDS), 1)
    .option("--write <page>", "with --suites: put the table into its section of a Markdown page")
    .option("--json", "one JSON object", false)
    .action(async (surveys: string[], flags: ProbeFlags) => {
      if (flags.suites !== undefined) await probeSuites(flags.suites, flags);
      else await probeSurveys(surveys, flags);
    });
}

/** The sizes, heads and networks that are asked for. Throws BAD_OPTION. */
async function askedFor({ sizes, heads, networks, suites }: ProbeFlags) {
  const [{ HEADS }, { NETWORK_NAMES }, { SkyloopError }] = await Promise.all([
    import("../evaluate/probe-heads.ts"),
    import("../evaluate/probe-networks.ts"),
    import("../base/errors.ts"),
  ]);
  const counts = listed(sizes).map(Number);
  if (counts.length === 0 || counts.some((size) => !Number.isInteger(size) || size < 0))
    throw new SkyloopError("BAD_OPTION", `--sizes is a list of whole numbers such as 5,50,0, not ${sizes}`);
  const known = <Name extends string>(option: string, text: string | undefined, all: readonly Name[]) =>
    listed(text).map((name) => {
      const found = all.find((one) => one === name);
      if (found === undefined)
        throw new SkyloopError("BAD_OPTION", `${option} is a list of ${all.join(", ")}, not ${name}`);
      return found;
    });
  const names = known("--networks", networks, NETWORK_NAMES);
  if (names.length > 0 && suites !== undefined)
    throw new SkyloopError(
      "BAD_OPTION",
      "--networks goes with surveys and --column, not with --suites: every question would take an hour",
    );
  return { sizes: counts, heads: known("--heads", heads, Object.keys(HEADS) as (keyof typeof HEADS)[]), names };
}

async function probeSuites(file: string, flags: ProbeFlags): Promise<void> {
  const { model, seeds, split: splitSeed, json, write } = flags;
  await askedFor(flags);
  const [{ readSuites, runSuites, suitesTable }, { terminalProgress, SILENT }] = await Promise.all([
    import("../evaluate/suites.ts"),
    import("../base/progress.ts"),
  ]);
  const progress = json ? SILENT : terminalProgress("probe", "suites");
  const results = await runSuites(readSuites(file), { model, seeds, splitSeed, progress });
  process.stdout.write(json ? `${JSON.stringify(results)}\n` : `${suitesTable(results)}\n`);
  if (write === undefined) return;
  const { writeSection } = await import("./page-section.ts");
  const command = `bin/skyloop probe --suites ${file} --model ${model} --seeds ${seeds}`;
  writeSection(write, command, suitesTable(results), new Date().toISOString().slice(0, 10));
}

async function probeSurveys(surveys: string[], flags: ProbeFlags): Promise<void> {
  const { model, seeds, split: splitSeed, networkSeeds, networkSteps, json } = flags;
  const { names, ...asked } = await askedFor(flags);
  const [{ probe }, { terminalProgress, SILENT }, { SkyloopError }] = await Promise.all([
    import("../evaluate/probe.ts"),
    import("../base/progress.ts"),
    import("../base/errors.ts"),
  ]);
  const columns = listed(flags.column);
  if (surveys.length === 0 || columns.length === 0)
    throw new SkyloopError("BAD_OPTION", "give surveys and --column, or --suites FILE");
  if (flags.negative !== undefined && flags.positive === undefined)
    throw new SkyloopError("BAD_OPTION", "--negative goes with --positive");
  if (columns.length !== 1 && columns.length !== surveys.length)
    throw new SkyloopError(
      "BAD_OPTION",
      `--column names one column for all surveys or one for each of ${surveys.length}, not ${columns.length}`,
    );
  const result = await probe({
    ...asked,
    model,
    seeds,
    splitSeed,
    surveys,
    columns,
    positive: listed(flags.positive),
    negative: listed(flags.negative),
    networks: { names, seeds: networkSeeds, steps: networkSteps },
    progress: json ? SILENT : terminalProgress("probe", "heads"),
  });
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : describe(result));
}

function describe(result: Awaited<ReturnType<typeof import("../evaluate/probe.ts").probe>>): string {
  const show = ({ mean, sd }: { mean: number; sd: number }) => `${mean.toFixed(3)} +- ${sd.toFixed(3)}`;
  const { split, loop } = result;
  return `${[
    `${result.model} (${result.dim} features), ${result.classes.length} classes, ${result.seeds} seeds; ${split.train} objects to learn from, ${split.validation} measured on (${split.duplicatesKeptTogether} duplicates kept together)`,
    "a class  head        accuracy         macro F1         AUROC            AUPR",
    ...result.results.map(
      ({ perClass, head, accuracy, macroF1, auroc, aupr }) =>
        `${String(perClass).padEnd(8)} ${head.padEnd(10)}  ${show(accuracy)}  ${show(macroF1)}  ${show(auroc)}  ${show(aupr)}`,
    ),
    ...(loop === null
      ? []
      : [
          `5 + 5 and one round of 10: AUPR ${show(loop.aupr)}; with 10 at random ${show(loop.atRandom)}; of the shown ${show(loop.shownPrecision)} positive`,
        ]),
  ].join("\n")}\n`;
}
