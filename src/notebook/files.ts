/** The two files that a person of Jupyter begins with: the client in Python and a first notebook. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";

/** The client in Python. The server reads it from the same place. */
const PYTHON_CLIENT = join(PACKAGE_ROOT, "src/notebook/skyloop.py");

/** For whom the notebook is written. */
export interface NotebookFiles {
  /** Folder of the two files. */
  folder: string;
  /** Name of the survey, as the server calls it. */
  survey: string;
  /** Where the server is. */
  address: string;
  /** Whether a notebook of that name is replaced. */
  overwrite: boolean;
}

/** Writes `skyloop.py` and `start.ipynb`; answers their paths. Throws FILE_EXISTS, WRITE_FAILED. */
export function writeNotebook({ folder, survey, address, overwrite }: NotebookFiles): {
  client: string;
  notebook: string;
} {
  const client = join(folder, "skyloop.py");
  const notebook = join(folder, "start.ipynb");
  const python = readFileSync(PYTHON_CLIENT, "utf8");
  const isOurs = !existsSync(client) || readFileSync(client, "utf8").startsWith(python.slice(0, python.indexOf("\n")));
  const taken = existsSync(notebook) ? notebook : client;
  if (!overwrite && (taken === notebook || !isOurs))
    throw new SkyloopError(
      "FILE_EXISTS",
      `${taken} is there already; choose another folder with --out, or pass --overwrite`,
    );
  writeFileAtomic(client, python);
  writeFileAtomic(notebook, `${JSON.stringify(firstNotebook(survey, address), null, 1)}\n`);
  return { client, notebook };
}

/** A notebook that searches a survey, in the format of Jupyter (nbformat 4.5). */
function firstNotebook(survey: string, address: string): object {
  const cells = CELLS.map(([kind, text], i) => {
    // A text of JSON is one of Python too, whatever stands in a folder's name.
    const quoted = kind === "code" ? JSON.stringify : (name: string) => name;
    const source = text
      .replaceAll("SURVEY", () => quoted(survey))
      .replaceAll("ADDRESS", () => quoted(address))
      .split(/(?<=\n)/);
    const common = { id: `cell-${i + 1}`, metadata: {}, source };
    return kind === "text"
      ? { cell_type: "markdown", ...common }
      : { cell_type: "code", ...common, execution_count: null, outputs: [] };
  });
  const kernelspec = { display_name: "Python 3", language: "python", name: "python3" };
  return { cells, metadata: { kernelspec, language_info: { name: "python" } }, nbformat: 4, nbformat_minor: 5 };
}

const CELLS: ["text" | "code", string][] = [
  [
    "text",
    "# A first search\n\nThis notebook and the page work on the same session: what one labels, the other shows. Start the server first:\n\n    bin/skyloop serve SURVEY --notebook http://localhost:8888\n\nNumbers are those below the pictures. Every label is saved at once.",
  ],
  ["code", "import skyloop\n\nsky = skyloop.connect(ADDRESS)\nsky.surveys()"],
  [
    "text",
    "Objects of every kind in the survey. Take the numbers of some that are like what you look for, and of some that are not.",
  ],
  ["code", "kinds = sky.browse(SURVEY, 12)\nkinds"],
  [
    "code",
    's = sky.search("my first target", like=kinds.pick(1, 2), not_like=kinds.pick(3, 4, 5), survey=SURVEY, page_size=12)\npage = s.next()\npage',
  ],
  [
    "text",
    "Yes, no, and no to all the others. Colours are the labels of now, whoever gave them: run `s.page()` again to see more.",
  ],
  ["code", 'page.yes(1, 2).no("rest")'],
  ["code", "s.undo()\ns.redo()\ns.next()"],
  ["text", "The page itself, in a frame. A click there counts here, and the other way round."],
  ["code", "s.open()"],
  ["text", "What was found: as pictures, with reasons, and as a table (pandas where it is installed)."],
  ["code", "s.ranking(12, pictures=True)"],
  ["code", 's.why(s.ranking(1)[0]["object"])'],
  ["code", "table = s.table()\nlen(table)"],
  ["code", 's.export("ranking.csv")'],
];
