import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Store } from "../store/store.ts";

const isAddress = (place: string) => /^postgres(ql)?:\/\//.test(place);

/** `skyloop store copy`. */
export function addStoreCommand(program: Command): void {
  program
    .command("store")
    .description("the database of sessions and labels")
    .command("copy")
    .argument("<from>", "survey folder (its skyloop.db), or postgres://NAME:PASSWORD@HOST:5432/DATABASE")
    .argument("<to>", "the same; what is there stays")
    .option("--survey <folder>", "the survey whose sessions are copied, where both are addresses")
    .description("copy a survey's sessions from SQLite to PostgreSQL or back, events with their numbers and times")
    .action(async (from: string, to: string, options: { survey?: string }) => {
      const { copySessions } = await import("../store/copy.ts");
      const { SkyloopError } = await import("../base/errors.ts");
      const survey = options.survey ?? [from, to].find((place) => !isAddress(place));
      if (survey === undefined)
        throw new SkyloopError("BAD_OPTION", "name the survey whose sessions are copied with --survey FOLDER");
      if (!isAddress(from) && !existsSync(join(from, "skyloop.db")))
        throw new SkyloopError("NOTHING_TO_COPY", `${from} has no skyloop.db: nobody has labelled there yet`);
      const source = await openPlace(from, survey);
      try {
        const target = await openPlace(to, survey);
        try {
          let count = 0;
          await copySessions(source, target, ({ session, events, rounds, there }) => {
            count++;
            process.stdout.write(
              `${session}: ${events} events, ${rounds} rounds, ${there ? "there already, the same" : "copied and compared"}\n`,
            );
          });
          process.stdout.write(`${count} sessions are the same in both\n`);
        } finally {
          await target.close();
        }
      } finally {
        await source.close();
      }
    });
}

async function openPlace(place: string, survey: string): Promise<Store> {
  const { storedSurvey } = await import("../loop/opened.ts");
  const known = storedSurvey(isAddress(place) ? survey : place);
  if (isAddress(place)) return (await import("../store/postgres.ts")).openPostgres(place, known);
  return (await import("../store/sqlite.ts")).openStore(place);
}
