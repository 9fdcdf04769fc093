import { basename, dirname, resolve } from "node:path";
import type { Command } from "commander";

interface Options {
  out?: string;
  address: string;
  overwrite: boolean;
}

/** `skyloop notebook SURVEY`. */
export function addNotebookCommand(program: Command): void {
  program
    .command("notebook")
    .argument("<survey>", "survey folder that the server serves")
    .description("write skyloop.py and a first Jupyter notebook that work on the same sessions as the page")
    .option("--out <folder>", "folder of the two files (default: beside the survey)")
    .option("--address <url>", "address of the server, as `skyloop serve` prints it", "http://127.0.0.1:8420")
    .option("--overwrite", "replace a notebook that is there already", false)
    .action(async (survey: string, { out, address, overwrite }: Options) => {
      const [{ writeNotebook }, { openSurvey }] = await Promise.all([
        import("../notebook/files.ts"),
        import("../survey/folder.ts"),
      ]);
      (await openSurvey(survey)).close();
      const folder = out ?? dirname(resolve(survey));
      const { client, notebook } = writeNotebook({ folder, survey: basename(resolve(survey)), address, overwrite });
      process.stdout.write(
        `${client}\n${notebook}\nStart the server with \`skyloop serve ${survey} --notebook http://localhost:8888\`, then open the notebook in Jupyter.\n`,
      );
    });
}
