/** Cells of a table: what is missing, and of what type a column of texts is. */
import type { Cell, CellType } from "./duck.ts";

/** Words that stand for a missing value in every column (those of pandas and astropy), in any case where it is safe. */
const MISSING = /^(|nan|[+-]nan|nat|null|n\/a|#n\/a|#n\/a n\/a|<na>|-?1\.#(ind|qnan)|-{2,}|\\n|\.{3})$/i;
const MISSING_AS_WRITTEN = new Set(["NA", "None", "N.A."]);
/** Missing where the rest of the column are numbers. */
const MISSING_AMONG_NUMBERS = /^(-|\?|\*|none|na|n\.a\.|missing|masked|undefined|unknown|blank|indef|nil)$/i;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?$/;
const INFINITE = /^[+-]?inf(inity)?$/i;
const WHOLE = /^[+-]?\d+$/;
/** A code, not a count: 0266. */
const PADDED = /^[+-]?0\d+$/;

/** Whether a text stands for a missing value. */
export function isMissing(text: string): boolean {
  const trimmed = text.trim();
  return MISSING.test(trimmed) || MISSING_AS_WRITTEN.has(trimmed);
}

/** A number as text; Fortran's 1.5D+02 too. NaN for anything else. */
export function numberOf(text: string): number {
  if (NUMBER.test(text)) return Number(text.replace(/[dD]/, "e"));
  if (!INFINITE.test(text)) return Number.NaN;
  return text.startsWith("-") ? -Infinity : Infinity;
}

/**
 * A column of texts as booleans or numbers where every one that is not missing is one, else as text. Whole numbers that
 * a double cannot hold, and those with leading zeros, stay text, digit by digit.
 */
export function typed(texts: string[]): { type: CellType; values: Cell[] } {
  const given = texts.map((text) => (isMissing(text) ? null : text));
  if (given.every((text) => text === null)) return { type: "string", values: given };
  if (given.every((text) => text === null || /^(true|false)$/i.test(text)))
    return { type: "boolean", values: given.map((text) => (text === null ? null : text.toLowerCase() === "true")) };
  const numbers = numbersIn(given);
  return numbers === null ? { type: "string", values: given } : { type: "number", values: numbers };
}

function numbersIn(given: (string | null)[]): (number | null)[] | null {
  let found = 0;
  const values: (number | null)[] = [];
  for (const text of given) {
    if (text === null || MISSING_AMONG_NUMBERS.test(text)) {
      values.push(null);
      continue;
    }
    const value = numberOf(text);
    const exact = !WHOLE.test(text) || (Number.isSafeInteger(value) && !PADDED.test(text));
    if (Number.isNaN(value) || !exact || (!Number.isFinite(value) && !INFINITE.test(text))) return null;
    values.push(value);
    found++;
  }
  return found > 0 ? values : null;
}

/**
 * Whole numbers of 64 and more bits as they come from a binary file: numbers where a double holds every one, else text,
 * digit by digit.
 */
export function wholeNumbers(values: ArrayLike<unknown>): { type: CellType; values: Cell[] } {
  let exact = true;
  for (let i = 0; i < values.length && exact; i++) {
    const value = values[i];
    if (typeof value === "bigint") exact = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
  }
  const cell = (value: unknown): Cell =>
    value === null || value === undefined ? null : exact ? Number(value) : String(value);
  return { type: exact ? "integer" : "string", values: Array.from(values, cell) };
}
