/**
 * Tables as text: comma, semicolon, tab, bar or blanks between the cells, quotes as in RFC 4180 (line breaks in them
 * too), any line ends, comment lines before the header.
 */
import { SkyloopError } from "../base/errors.ts";

/** A table read from text, all of it as text. */
export interface Delimited {
  /** Names of the header, each once; `column_3` where the third has none. */
  columns: string[];
  /** Cells as text, as many a row as there are columns; blanks around unquoted ones are taken off. */
  rows: string[][];
  /** Line of the text on which each row begins, from 1. */
  lines: number[];
  /** Units by column, where comment lines give them (ECSV, SExtractor). */
  units: Map<string, string>;
}

interface Line {
  cells: string[];
  line: number;
}

const COMMENT = /^\s*[#%]/;
const SEXTRACTOR = /^#\s*\d+\s+([A-Za-z_]\w*)[^[]*(?:\[([^\]]*)\])?/;
const ECSV_COLUMN = /^#\s*-\s*\{?\s*name:\s*['"]?([^,'"}]+)['"]?.*?\bunit:\s*['"]?([^,'"}]+)/;
const LONGEST_CELL = 2 ** 20;
const LOOKS_NUMERIC = /^[+-]?(\d|\.\d)/;

/** Reads a table. Throws TABLE_BROKEN with the line where a row has more cells than the header, or one of more than 2^20 characters. */
export function parseDelimited(text: string): Delimited {
  const { comments, at, line, separator: told } = skipPreamble(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const separator = told ?? separatorOf(body, at);
  const lines = splitLines(body, at, line, separator);
  const named = namesInComments(comments, lines, separator);
  const header = named ?? lines.shift()?.cells ?? [];
  const rows = lines.filter(({ cells }) => !isComment(cells, header.length));
  const columns = uniqueNames(withRowNames(header, rows, separator));
  const units = new Map<string, string>();
  for (const comment of comments) {
    const found = ECSV_COLUMN.exec(comment) ?? SEXTRACTOR.exec(comment);
    if (found?.[2] !== undefined) units.set(found[1].trim(), found[2].trim());
  }
  for (const { cells, line: at } of rows) fillRow(cells, columns.length, at, header);
  return { columns, rows: rows.map(({ cells }) => cells), lines: rows.map(({ line: at }) => at), units };
}

/** Comment lines and blank ones at the beginning, and Excel's `sep=;`. */
function skipPreamble(text: string): { comments: string[]; at: number; line: number; separator?: string } {
  const comments: string[] = [];
  let [at, line] = [0, 1];
  let separator: string | undefined;
  while (at < text.length) {
    const end = endOfLine(text, at);
    const one = text.slice(at, end);
    const told = /^sep=(.)\s*$/i.exec(one);
    if (told !== null && comments.length === 0) separator = told[1];
    else if (COMMENT.test(one)) comments.push(one.trim());
    else if (one.trim() !== "") break;
    at = afterLine(text, end);
    line++;
  }
  return { comments, at, line, separator };
}

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 10 || c === 13) return at;
  }
  return text.length;
}

const afterLine = (text: string, end: number) =>
  text.charCodeAt(end) === 13 && text.charCodeAt(end + 1) === 10 ? end + 2 : end + 1;

/** The separator that stands most often in the header; blanks (" ") where there is none, and several words. */
function separatorOf(text: string, at: number): string {
  const end = endOfLine(text, at);
  const header = text.slice(at, end);
  const plain = header.replace(/"(?:[^"]|"")*"/g, "x");
  const count = (one: string) => plain.split(one).length - 1;
  const best = [",", "\t", ";", "|"].reduce((most, one) => (count(one) > count(most) ? one : most));
  if (count(best) > 0) return best;
  const next = text.slice(afterLine(text, end), endOfLine(text, afterLine(text, end)));
  const words = (one: string) => one.trim().split(/\s+/).length;
  // A header of comments leaves the first line to be data.
  const only = [",", "\t", ";", "|"].find((one) => next.includes(one));
  if (only !== undefined) return only;
  return words(plain) > 1 && (next === "" || [0, 1].includes(words(next) - words(plain))) ? " " : ",";
}

/** All records from `at` on; a quoted cell may hold separators and line breaks. Linear in the text. */
function splitLines(text: string, from: number, first: number, separator: string): Line[] {
  const lines: Line[] = [];
  const blanks = separator === " ";
  const mark = separator.charCodeAt(0);
  const isGap = (c: number) => (blanks ? c === 32 || c === 9 : c === mark);
  let [at, line] = [from, first];
  while (at < text.length) {
    const begin = line;
    const cells: string[] = [];
    for (let open = true; open; ) {
      while (text.charCodeAt(at) === 32 || (text.charCodeAt(at) === 9 && mark !== 9)) at++;
      let cell: string;
      if (text.charCodeAt(at) === 34 && text.indexOf('"', at + 1) >= 0) {
        const end = closingQuote(text, at + 1);
        const inner = text.slice(at + 1, end);
        cell = inner.includes('""') ? inner.replaceAll('""', '"') : inner;
        line += breaksIn(inner);
        at = end + 1;
        // What stands behind a closing quote belongs to the cell.
        const rest = at;
        while (at < text.length && !isGap(text.charCodeAt(at)) && !isBreak(text.charCodeAt(at))) at++;
        cell += text.slice(rest, at).trimEnd();
      } else {
        const start = at;
        while (at < text.length && !isGap(text.charCodeAt(at)) && !isBreak(text.charCodeAt(at))) at++;
        cell = text.slice(start, at).trimEnd();
      }
      if (cell.length > LONGEST_CELL)
        throw new SkyloopError(
          "TABLE_BROKEN",
          `the row that begins on line ${begin} has a cell of ${cell.length} characters, at most ${LONGEST_CELL} are read; a quote that is opened and not closed makes such cells`,
        );
      if (blanks) while (isGap(text.charCodeAt(at))) at++;
      open = at < text.length && !isBreak(text.charCodeAt(at));
      if (!blanks || cell !== "" || cells.length === 0) cells.push(cell);
      if (open && !blanks) at++;
    }
    at = afterLine(text, at);
    line++;
    if (cells.some((cell) => cell !== "")) lines.push({ cells, line: begin });
  }
  return lines;
}

const isBreak = (c: number) => c === 10 || c === 13;

/** Place of the quote that ends a cell; the end of the text where none does. */
function closingQuote(text: string, from: number): number {
  for (let at = from; ; ) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    if (text.charCodeAt(end + 1) !== 34) return end;
    at = end + 2;
  }
}

function breaksIn(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf("\n"); at >= 0; at = cell.indexOf("\n", at + 1)) count++;
  return count;
}

/** Names in comment lines: a list of columns as SExtractor writes it, or a last comment that is the header. */
function namesInComments(comments: string[], lines: Line[], separator: string): string[] | null {
  const listed = comments.flatMap((comment) => SEXTRACTOR.exec(comment)?.[1] ?? []);
  const width = lines[0]?.cells.length ?? 0;
  if (listed.length > 0 && listed.length === width) return listed;
  const last = comments.at(-1)?.replace(/^[#%]+\s*/, "");
  if (last === undefined || width < 1) return null;
  const cells = splitLines(last, 0, 1, separator)[0]?.cells ?? [];
  const first = lines[0].cells;
  // The line below is data where it has a number under a name that is none.
  const isData = first.some((cell) => LOOKS_NUMERIC.test(cell)) && !cells.some((cell) => LOOKS_NUMERIC.test(cell));
  return cells.length === width && width > 1 && isData ? cells : null;
}

const isComment = (cells: string[], width: number) => width > 1 && cells.length === 1 && COMMENT.test(cells[0]);

/** R writes no name above its row names: every row has one cell more than the header. */
function withRowNames(header: string[], rows: Line[], separator: string): string[] {
  if (separator !== " " && separator !== "\t") return header;
  const one =
    header.length > 1 &&
    rows.length > 0 &&
    rows.every(({ cells }) => cells.length === header.length + 1 && cells.at(-1) !== "");
  return one ? ["row_names", ...header] : header;
}

function uniqueNames(header: string[]): string[] {
  const taken = new Set<string>();
  return header.map((given, i) => {
    const name = given.trim() === "" ? `column_${i + 1}` : given.trim();
    let unique = name;
    for (let n = 1; taken.has(unique); n++) unique = `${name}_${n}`;
    taken.add(unique);
    return unique;
  });
}

/** Fills a short row; cuts empty cells off a long one. */
function fillRow(cells: string[], width: number, line: number, header: string[]): void {
  while (cells.length > width && cells.at(-1) === "") cells.pop();
  if (cells.length > width)
    throw new SkyloopError(
      "TABLE_BROKEN",
      `line ${line} has ${cells.length} cells, the header has ${width} (${header.slice(0, 4).join(", ")}${width > 4 ? ", …" : ""}); check that the first line names the columns, and that cells with separators in them are quoted`,
    );
  while (cells.length < width) cells.push("");
}
