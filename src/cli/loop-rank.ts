import type { Command } from "commander";
import { surveyOfSession } from "./loop-sessions.ts";
import { whole } from "./numbers.ts";

interface RankFlags {
  over: string;
  survey?: string;
  top: number;
  out?: string;
}

/** `skyloop loop rank SESSION --over SURVEY`: a session's learner over the features of another survey, to a catalogue. */
export function addLoopRankCommand(loop: Command): void {
  loop
    .command("rank")
    .argument("<session>", "session name, as listed by `loop list`")
    .description(
      "rank every object of another, maybe very large survey by what a session has learned, and keep the best",
    )
    .requiredOption("--over <survey>", "survey folder with features of the session's model, whole or in parts")
    .option("--survey <folder>", "survey of the session (default: searched in this folder and in surveys/)")
    .option("--top <n>", "objects to keep", whole("--top", 1, 10_000_000), 100_000)
    .option("--out <file>", "catalogue to write: .csv, .parquet, .fits or .vot (default: SESSION-best.csv)")
    .action(async (session: string, { over, survey, top, out = `${session}-best.csv` }: RankFlags) => {
      const [{ rankOver }, { Workbench }, { EXPORT_SUFFIX }, { terminalProgress }, { SkyloopError }] =
        await Promise.all([
          import("../loop/rank-over.ts"),
          import("../loop/workbench.ts"),
          import("../loop/export.ts"),
          import("../base/progress.ts"),
          import("../base/errors.ts"),
        ]);
      const format = (Object.keys(EXPORT_SUFFIX) as (keyof typeof EXPORT_SUFFIX)[]).find((name) =>
        out.endsWith(`.${EXPORT_SUFFIX[name]}`),
      );
      if (format === undefined)
        throw new SkyloopError(
          "BAD_OPTION",
          `--out ends in ${Object.values(EXPORT_SUFFIX)
            .map((suffix) => `.${suffix}`)
            .join(", ")}, not ${out}`,
        );
      const started = performance.now();
      const bench = await Workbench.open(await surveyOfSession(session, survey));
      try {
        const progress = terminalProgress("ranked", "objects");
        const found = await rankOver(bench, session, { over, top, out, format, progress });
        const above = found.above.map(([score, objects]) => `${objects} from ${score}`).join(", ");
        const memory = (process.resourceUsage().maxRSS / 2 ** 20).toFixed(2);
        process.stdout.write(
          `${out}: the best ${found.written} of ${found.objects} objects (${found.parts} ${found.parts === 1 ? "file" : "files"} of features), scores ${found.best.toFixed(3)} to ${found.least.toFixed(3)}; by score ${above}\n${((performance.now() - started) / 1000).toFixed(1)} s, at most ${memory} GiB of memory\n`,
        );
      } finally {
        await bench.close();
      }
    });
}
