/** Text that a spreadsheet would take for a formula, and how it is written so that it does not. */
import { numberOf } from "./cells.ts";

/** Characters that begin a formula; a tab or a line break before them is passed over by some programs. */
const FORMULA = /^[=+\-@\t\r\n]/;

/** The text with an apostrophe before it where a spreadsheet would compute it. A number stays a number: -5, +1.5e3. */
export function harmless(text: string): string {
  return FORMULA.test(text) && Number.isNaN(numberOf(text)) ? `'${text}` : text;
}

/** Whether a text may be what `harmless` wrote. */
export function isHarmless(text: string): boolean {
  return text.startsWith("'") && FORMULA.test(text.slice(1));
}
