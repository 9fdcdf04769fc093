import type { Command } from "commander";
import type { CopiedSession } from "../store/copy.ts";

/** `skyloop backup` and `skyloop restore`. */
export function addBackupCommands(program: Command): void {
  program
    .command("backup")
    .argument("<survey>", "survey folder; it may be in use")
    .argument("<out>", "folder to make")
    .description("write a survey's sessions (labels, rounds, last rankings) to a folder, with a checksum of each file")
    .action(async (survey: string, out: string) => {
      const { openSessions } = await import("../store/open.ts");
      const { writeBackup } = await import("../store/backup.ts");
      const { known, state } = await placeOf(survey);
      const store = await openSessions(survey, known);
      try {
        const { sessions } = await writeBackup(store, known, state, out, say);
        process.stdout.write(
          `${out}: ${sessions.length} sessions. Images and features are not in it: keep them, or how they were made\n`,
        );
      } finally {
        await store.close();
      }
    });
  program
    .command("restore")
    .argument("<backup>", "folder that `skyloop backup` made")
    .argument("<survey>", "survey folder of the same objects")
    .option("--replace", "move the sessions that are there aside first, into a folder beside them", false)
    .description(
      "put the sessions of a backup into a survey, after checking every file; the same ones stay as they are",
    )
    .action(async (folder: string, survey: string, { replace }: { replace: boolean }) => {
      const { databaseUrl, openSessions } = await import("../store/open.ts");
      const { checkBackup, moveAside, restoreBackup } = await import("../store/backup.ts");
      const { SkyloopError } = await import("../base/errors.ts");
      const backup = await checkBackup(folder);
      const { known, state } = await placeOf(survey);
      if (![known.dataHash, ...known.formerHashes].includes(backup.survey.dataHash))
        throw new SkyloopError(
          "BACKUP_OF_ANOTHER",
          `${folder} is of the survey ${backup.survey.name} (data ${backup.survey.dataHash.slice(0, 12)}), and ${survey} holds other objects (data ${known.dataHash.slice(0, 12)}); make that survey again from its images, or export the labels and import them by id`,
        );
      if (replace) {
        if (databaseUrl() !== null)
          throw new SkyloopError("BAD_OPTION", "--replace moves files aside, which a database has not; leave it out");
        const aside = moveAside(state);
        if (aside !== null) process.stdout.write(`what was there is in ${aside}\n`);
      }
      const store = await openSessions(survey, known);
      try {
        await restoreBackup(folder, backup, store, state, say);
        process.stdout.write(`${survey}: all ${backup.sessions.length} sessions of ${folder} are there\n`);
      } finally {
        await store.close();
      }
    });
}

const say = ({ session, events, rounds, there }: CopiedSession) =>
  process.stdout.write(
    `${session}: ${events} events, ${rounds} rounds, ${there ? "there already, the same" : "copied and compared"}\n`,
  );

async function placeOf(survey: string) {
  const { storedSurvey } = await import("../loop/opened.ts");
  const { stateFolder } = await import("../store/state.ts");
  const known = storedSurvey(survey);
  return { known, state: stateFolder(survey, known) };
}
