import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { SafeCells } from "../loop/export.ts";

interface ExportOptions {
  format: string;
  survey?: string;
  out?: string;
  spreadsheetSafe: SafeCells;
  answers?: boolean;
  pseudonyms?: boolean;
}

/** `skyloop loop list | export`. */
export function addSessionCommands(loop: Command): void {
  loop
    .command("list")
    .argument("[survey...]", "survey folders (default: those in this folder and in surveys/)")
    .description("list sessions")
    .action(async (folders: string[]) => {
      const { describeSession } = await import("../loop/session.ts");
      for (const folder of folders.length > 0 ? await surveysOf(folders) : surveysHere())
        await withStore(
          folder,
          async (store) => {
            for (const { session } of await store.sessions()) {
              const { target, round, positives, negatives, createdAt, unlabelled } = await describeSession(
                store,
                session,
              );
              process.stdout.write(
                `${session}  ${folder}  "${target}", round ${round}, ${positives} positive, ${negatives} negative, started ${createdAt.slice(0, 16)}${unlabelled === "always" ? ", unlabelled always" : ""}\n`,
              );
            }
          },
          folders.length > 0,
        );
    });
  loop
    .command("export")
    .argument("<session>", "session name, as listed by `loop list`")
    .description("write a catalogue of all objects with score, label, round and who labelled")
    .requiredOption("--format <format>", "csv, parquet, fits or votable")
    .option("--survey <folder>", "survey of the session (default: searched in this folder and in surveys/)")
    .option("--out <file>", "file to write (default: SESSION with the extension of the format)")
    .option("--answers", "two more columns: what each person says, and what the answers come to")
    .option("--pseudonyms", '"person 1" and so on in place of names')
    .addOption(
      new Option(
        "--spreadsheet-safe <columns>",
        "CSV text that a spreadsheet would compute (beginning with = + - @, but no number) gets an apostrophe: in names (ids, tags, people, files), all text, or none",
      )
        .choices(["names", "all", "none"])
        .default("names"),
    )
    .action(async (session: string, { format, survey, out, spreadsheetSafe, answers, pseudonyms }: ExportOptions) => {
      const [
        { exportSession, EXPORT_SUFFIX },
        { rankingRequest },
        { closeOpened, openWithSessions },
        { SkyloopError },
      ] = await Promise.all([
        import("../loop/export.ts"),
        import("../loop/ranking.ts"),
        import("../loop/opened.ts"),
        import("../base/errors.ts"),
      ]);
      if (!(format in EXPORT_SUFFIX))
        throw new SkyloopError("BAD_OPTION", `--format is csv, parquet, fits or votable, not ${format}`);
      const known = format as keyof typeof EXPORT_SUFFIX;
      const opened = await openWithSessions(await surveyOfSession(session, survey));
      try {
        const path = out ?? `${session}.${EXPORT_SUFFIX[known]}`;
        const request = await rankingRequest(opened.store, session, undefined, { answers, pseudonyms });
        const count = await exportSession(
          opened,
          request,
          known,
          path,
          answers ? ["answers", "agreed"] : [],
          spreadsheetSafe,
        );
        process.stdout.write(`${path}: ${count} objects\n`);
      } finally {
        await closeOpened(opened);
      }
    });
}

/** The folder of the survey that has a session, looked for where `survey` does not name it. Throws SESSION_UNKNOWN. */
export async function surveyOfSession(session: string, survey?: string): Promise<string> {
  const looked = survey === undefined ? surveysHere() : await surveysOf([survey]);
  for (const folder of looked)
    if ((await withStore(folder, (store) => store.session(session))) !== undefined) return folder;
  const { SkyloopError } = await import("../base/errors.ts");
  throw new SkyloopError(
    "SESSION_UNKNOWN",
    `no session ${session} in ${looked.length === 0 ? "this folder or in surveys/" : looked.join(", ")}; \`skyloop loop list\` names them, and --survey the survey of another`,
  );
}

/**
 * Opens the labels of a survey that has some; undefined where nobody has labelled anything, and nothing is written. The
 * labels of a survey that the user named (`begin`) are begun where there are none.
 */
async function withStore<T>(
  folder: string,
  body: (store: import("../store/store.ts").Store) => Promise<T>,
  begin = false,
): Promise<T | undefined> {
  const [{ databaseUrl, openSessions }, { stateFolder }, { storedSurvey }] = await Promise.all([
    import("../store/open.ts"),
    import("../store/state.ts"),
    import("../loop/opened.ts"),
  ]);
  const survey = storedSurvey(folder);
  const places = [folder, stateFolder(folder, survey)];
  if (!begin && databaseUrl() === null && !places.some((place) => existsSync(join(place, "skyloop.db"))))
    return undefined;
  const store = await openSessions(folder, survey);
  try {
    return await body(store);
  } finally {
    await store.close();
  }
}

const isSurvey = (folder: string) => existsSync(join(folder, "survey.json"));

/** Survey folders that were named. Throws SURVEY_MISSING. */
async function surveysOf(folders: string[]): Promise<string[]> {
  const { SkyloopError } = await import("../base/errors.ts");
  for (const folder of folders)
    if (!isSurvey(folder))
      throw new SkyloopError("SURVEY_MISSING", `${folder} is no survey (no survey.json); name a survey's folder`);
  return folders;
}

/** Survey folders in this folder and in ./surveys, where `skyloop start` puts them. */
function surveysHere(): string[] {
  const below = (folder: string) =>
    existsSync(folder)
      ? readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
          .map(({ name }) => join(folder, name))
          .filter(isSurvey)
          .sort()
      : [];
  return [...(isSurvey(".") ? ["."] : []), ...below("."), ...below("surveys")];
}
