import type { Command } from "commander";

/** `skyloop session replay`. */
export function addSessionCommand(program: Command): void {
  program
    .command("session")
    .description("search sessions")
    .command("replay")
    .argument("<session>", "session name, as listed by `loop list`")
    .option("--survey <folder>", "survey of the session (default: searched in this folder and in surveys/)")
    .description("compute every finished round of a session again from its events and compare with what was recorded")
    .action(async (session: string, { survey }: { survey?: string }) => {
      const [{ surveyOfSession }, { Workbench }, { replaySession }, { findSession }, { SkyloopError }] =
        await Promise.all([
          import("./loop-sessions.ts"),
          import("../loop/workbench.ts"),
          import("../loop/replay.ts"),
          import("../loop/session.ts"),
          import("../base/errors.ts"),
        ]);
      const bench = await Workbench.open(await surveyOfSession(session, survey));
      try {
        const { model, weightsHash } = await findSession(bench.store, session);
        const features = await bench.features(model);
        if (features.weightsHash !== weightsHash)
          throw new SkyloopError(
            "OTHER_WEIGHTS",
            `session ${session} was started on features of other weights of ${model}; embed with those to replay it`,
          );
        const rounds = await replaySession(bench.store, bench.survey, features.space, session);
        for (const { round, same } of rounds)
          process.stdout.write(`round ${round}: ${same ? "the same page, bit for bit" : "another page"}\n`);
        const other = rounds.filter(({ same }) => !same);
        process.stdout.write(
          `${session}: ${rounds.length - other.length} of ${rounds.length} finished rounds replayed as recorded\n`,
        );
        if (other.length > 0)
          throw new SkyloopError(
            "REPLAY_DIFFERS",
            `rounds ${other.map(({ round }) => round).join(", ")} of ${session} come out otherwise; another version of Skyloop, another processor or another number of threads may have made them`,
          );
      } finally {
        await bench.close();
      }
    });
}
