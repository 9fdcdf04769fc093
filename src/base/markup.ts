/** Text inside XML, SVG and HTML. */

/** `text` with &, <, > and both quotes as character references: it stays text wherever it is put. */
export const escapeText = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/**
 * Text of somebody's files as a terminal may print it: control characters, which would move its cursor or colour it, as
 * escapes; lines stay lines. Shortened where it is longer than `longest` letters.
 */
export function printable(text: string, longest = Number.POSITIVE_INFINITY): string {
  const letters = text.length > longest ? Array.from(text) : [];
  const short = letters.length > longest ? `${letters.slice(0, longest).join("")}…` : text;
  return short.replace(/[^\P{Cc}\n\t]/gu, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
