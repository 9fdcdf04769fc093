/**
 * The mark of a folder in the making. Where the work can be gone on with it also says what work that is, then a line of
 * JSON for each thing that is whole, in order: a run that was killed goes on after the last of them.
 */
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";

/** Everything that the bytes of a folder follow from, and the command that makes it. */
export interface Work {
  command: string;
  request: Record<string, unknown>;
}

const MARK = ".unfinished";
const TEXT = "a survey in the making; safe to delete when no program writes it\n";

/** Where the mark of a folder lies. */
export const markOf = (folder: string): string => join(folder, MARK);

/** Whether a file of a survey's folder is its mark. */
export const isMark = (name: string): boolean => name === MARK;

/** Marks a folder as one in the making. */
export function writeMark(folder: string, work: Work | null): void {
  writeFileSync(markOf(folder), work === null ? TEXT : `${TEXT}${JSON.stringify(work)}\n`);
}

/**
 * Whether what a stopped run left in `folder` can be gone on with: it says what work it is, and that is this one. Throws
 * SIMULATION_DIFFERS where it is another one, or `work` is none that goes on.
 */
export function isBegun(folder: string, work: Work | null): boolean {
  const [begun] = linesOf(markOf(folder)) as { value: Work }[];
  if (begun === undefined) return false;
  const { command, request } = begun.value;
  const differs = work === null ? "" : differenceOf(request, work.request);
  if (differs === null) return true;
  if (work !== null && request.simulator !== undefined && request.simulator !== work.request.simulator)
    throw new SkyloopError(
      "SIMULATION_DIFFERS",
      `${folder} holds a simulation that another version of Skyloop began, and this one cannot finish; delete the folder to begin anew`,
    );
  throw new SkyloopError(
    "SIMULATION_DIFFERS",
    `${folder} holds a simulation that was begun otherwise${differs === "" ? "" : ` (${differs})`}; finish it with \`skyloop ${command}\`, or delete the folder to begin anew`,
  );
}

/** In what two requests differ, in words; null where they are the same. */
export function differenceOf(before: Record<string, unknown>, now: Record<string, unknown>): string | null {
  const differs = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]),
  );
  if (differs.length === 0) return null;
  return differs
    .map((key) => `${key} was ${JSON.stringify(before[key])} and is ${JSON.stringify(now[key])}`)
    .join("; ");
}

/** The lines of a marked folder, read one by one and then added to. */
export class WorkJournal<Line> {
  readonly #path: string;
  readonly #found: { value: Line; end: number }[];
  /** Where the lines end that count. */
  #end: number;
  #at = 0;
  #file: number | null = null;

  constructor(folder: string) {
    this.#path = markOf(folder);
    const lines = linesOf(this.#path);
    this.#end = lines[0]?.end ?? 0;
    this.#found = lines.slice(1) as { value: Line; end: number }[];
  }

  /** What an earlier run noted next; undefined where it came no further, or `add` has been called. */
  get next(): Line | undefined {
    return this.#file === null ? this.#found[this.#at]?.value : undefined;
  }

  /** The next line counts. */
  accept(): void {
    this.#end = this.#found[this.#at++].end;
  }

  /** Notes a thing that is whole on the disk, after those that were accepted; answers it as a later run will read it. */
  add(line: Line): Line {
    if (this.#file === null) {
      truncateSync(this.#path, this.#end);
      this.#file = openSync(this.#path, "a");
    }
    const text = JSON.stringify(line);
    appendFileSync(this.#file, `${text}\n`);
    return JSON.parse(text) as Line;
  }

  /** Once more does nothing: who gives up may have been told twice. */
  close(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }
}

/** The lines of JSON after the mark's text, up to the first that is cut short, and where each ends in the file. */
function linesOf(path: string): { value: unknown; end: number }[] {
  const lines: { value: unknown; end: number }[] = [];
  if (!existsSync(path)) return lines;
  const bytes = readFileSync(path);
  let from = bytes.indexOf(10) + 1;
  for (let end = bytes.indexOf(10, from); from > 0 && end >= 0; end = bytes.indexOf(10, from)) {
    try {
      lines.push({ value: JSON.parse(bytes.toString("utf8", from, end)), end: end + 1 });
    } catch {
      break;
    }
    from = end + 1;
  }
  return lines;
}
