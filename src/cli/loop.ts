import type { Command } from "commander";

interface SimulateFlags {
  model: string;
  column: string;
  positive: string;
  negative?: string;
  start: string;
  show: number;
  rounds: number;
  alpha: number;
  seeds: number;
  test?: string;
  testColumn?: string;
  json: boolean;
}

const listed = (text: string | undefined) => (text === undefined ? [] : text.split(",").map((part) => part.trim()));

/** `skyloop loop simulate | list | export`. */
export function addLoopCommand(program: Command): void {
  const loop = program.command("loop").description("sessions: list, export, and simulate a person who labels");
  loop
    .command("simulate")
    .argument("<survey>", "survey to label")
    .description("simulate a person who labels by a column of the catalogue, and measure the ranking after each round")
    .requiredOption("--model <name>", "feature set, or pixels-pca for principal components of the pixels")
    .requiredOption("--column <name>", "column with the labels; objects without one are left out")
    .requiredOption("--positive <values>", "values that count as positive, separated by commas")
    .option("--negative <values>", "values that count as negative (default: all other values)")
    .option("--start <p+n>", "number of starting examples, positives+negatives", "5+5")
    .option("--show <n>", "objects shown per round", Number, 10)
    .option("--rounds <n>", "number of rounds", Number, 1)
    .option("--alpha <a>", "from 0 (recall) to 1 (precision)", Number, 0.5)
    .option("--seeds <n>", "repetitions", Number, 20)
    .option("--test <survey>", "survey to measure on (default: half of the labelled objects, held out)")
    .option("--test-column <name>", "label column of the test survey (default: the same name)")
    .option("--json", "one JSON object", false)
    .action(async (survey: string, flags: SimulateFlags) => {
      const [{ simulate }, { terminalProgress, SILENT }, { SkyloopError }] = await Promise.all([
        import("../evaluate/simulate.ts"),
        import("../base/progress.ts"),
        import("../base/errors.ts"),
      ]);
      const start = /^(\d+)\+(\d+)$/.exec(flags.start);
      if (start === null)
        throw new SkyloopError("BAD_OPTION", `--start is positives+negatives such as 5+5, not ${flags.start}`);
      for (const [name, value, low, high] of [
        ["show", flags.show, 1, 1e4],
        ["rounds", flags.rounds, 0, 1000],
        ["seeds", flags.seeds, 1, 1000],
      ] as const)
        if (!Number.isInteger(value) || value < low || value > high)
          throw new SkyloopError("BAD_OPTION", `--${name} is a whole number from ${low} to ${high}, not ${value}`);
      if (!(flags.alpha >= 0 && flags.alpha <= 1))
        throw new SkyloopError("BAD_OPTION", `--alpha lies between 0 and 1, not ${flags.alpha}`);
      const result = await simulate({
        ...flags,
        survey,
        positive: listed(flags.positive),
        negative: listed(flags.negative),
        start: [Number(start[1]), Number(start[2])],
        progress: flags.json ? SILENT : terminalProgress("simulate", "seeds"),
      });
      process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : describe(result));
    });
  loop
    .command("list")
    .argument("[survey...]", "survey folders (default: those in surveys/)")
    .description("list sessions")
    .action(async (folders: string[]) => {
      for (const folder of folders.length > 0 ? folders : await surveysHere()) {
        const [{ openStore }, { describeSession }] = await Promise.all([
          import("../store/sqlite.ts"),
          import("../loop/session.ts"),
        ]);
        const store = await openStore(folder);
        for (const { session } of await store.sessions()) {
          const { target, round, positives, negatives, createdAt } = await describeSession(store, session);
          process.stdout.write(
            `${session}  ${folder}  "${target}", round ${round}, ${positives} positive, ${negatives} negative, started ${createdAt.slice(0, 16)}\n`,
          );
        }
        await store.close();
      }
    });
  loop
    .command("export")
    .argument("<session>", "session name, as listed by `loop list`")
    .description("write a catalogue of all objects with score, label, round and who labelled")
    .requiredOption("--format <format>", "csv, parquet, fits or votable")
    .option("--survey <folder>", "survey of the session (default: searched in surveys/)")
    .option("--out <file>", "file to write (default: SESSION with the extension of the format)")
    .action(async (session: string, { format, survey, out }: { format: string; survey?: string; out?: string }) => {
      const [{ exportSession, EXPORT_SUFFIX }, { rankingRequest }, { openStore }, { openSurvey }, { SkyloopError }] =
        await Promise.all([
          import("../loop/export.ts"),
          import("../loop/ranking.ts"),
          import("../store/sqlite.ts"),
          import("../survey/folder.ts"),
          import("../base/errors.ts"),
        ]);
      if (!(format in EXPORT_SUFFIX))
        throw new SkyloopError("BAD_OPTION", `--format is csv, parquet, fits or votable, not ${format}`);
      const known = format as keyof typeof EXPORT_SUFFIX;
      for (const folder of survey === undefined ? await surveysHere() : [survey]) {
        const store = await openStore(folder);
        try {
          if (survey === undefined && (await store.session(session)) === undefined) continue;
          const path = out ?? `${session}.${EXPORT_SUFFIX[known]}`;
          const request = await rankingRequest(store, session);
          const count = await exportSession(await openSurvey(folder), request, known, path);
          process.stdout.write(`${path}: ${count} objects\n`);
          return;
        } finally {
          await store.close();
        }
      }
      throw new SkyloopError(
        "SESSION_UNKNOWN",
        `no survey in surveys/ has a session ${session}; name its survey with --survey`,
      );
    });
}

/** Survey folders below ./surveys, where `skyloop start` puts them. */
async function surveysHere(): Promise<string[]> {
  const [{ existsSync, readdirSync }, { join }] = await Promise.all([import("node:fs"), import("node:path")]);
  if (!existsSync("surveys")) return [];
  return readdirSync("surveys")
    .map((name) => join("surveys", name))
    .filter((folder) => existsSync(join(folder, "survey.json")));
}

function describe(result: Awaited<ReturnType<typeof import("../evaluate/simulate.ts").simulate>>): string {
  const show = (value: { mean: number; sd: number } | null) =>
    value === null ? "      -      " : `${value.mean.toFixed(3)} +- ${value.sd.toFixed(3)}`;
  const lines = [
    `${result.model} (${result.dim} features), alpha ${result.alpha}, ${result.seeds} seeds; pool ${result.pool.objects} objects (${result.pool.positives} positive)`,
    `measured on ${result.test}: ${result.evaluated.objects} objects (${result.evaluated.positives} positive)`,
    "round  labels  AUPR             AUROC            precision shown  | at random: AUPR  AUROC            precision",
    ...result.rounds.map(
      ({ round, labels, aupr, auroc, shownPrecision, random }) =>
        `${String(round).padEnd(6)} ${String(labels).padEnd(7)} ${show(aupr)}  ${show(auroc)}  ${show(shownPrecision)}  | ${show(random.aupr)}  ${show(random.auroc)}  ${show(random.shownPrecision)}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
