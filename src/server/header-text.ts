/** Text in the headers of an answer, which hold ASCII and not much of it. */

/** Proxies and clients refuse answers whose headers are longer than 8 to 16 kB together. */
const MOST_BYTES = 4000;
const LONGEST_NAME = 60;

/** A text as a header may hold it, and as one item of a list with commas: `decodeURIComponent` gives it back. */
export function inHeader(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd").replace(/[^\x20-\x24\x26-\x2b\x2d-\x7e]/gu, encodeURIComponent);
}

/** The first of some names, shortened where they are long, so that a header holds them. */
export function fewNames(names: string[]): string[] {
  const few: string[] = [];
  let room = MOST_BYTES;
  for (const name of names.slice(0, 40)) {
    const letters = Array.from(name);
    const short = letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME).join("")}…` : name;
    room -= inHeader(JSON.stringify(short)).length + 3;
    if (room < 0) break;
    few.push(short);
  }
  return few;
}
