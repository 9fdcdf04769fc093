/** Objects from what people type or upload: ids, or positions in degrees or sexagesimal, one a line. */

import type { CatalogueRow } from "../contract/survey.ts";
import { positionOfText } from "../survey/position-text.ts";

/** The objects that a text of ids and positions names. */
export interface LookupResult {
  rows: number[];
  /** Words and lines that name nothing here. */
  missing: string[];
}

const RAD = Math.PI / 180;

/** Angular distance of two positions in degrees (haversine: exact for small ones too). */
export function separationDeg(ra1: number, dec1: number, ra2: number, dec2: number): number {
  const half =
    Math.sin(((dec2 - dec1) * RAD) / 2) ** 2 +
    Math.cos(dec1 * RAD) * Math.cos(dec2 * RAD) * Math.sin(((ra2 - ra1) * RAD) / 2) ** 2;
  return (2 * Math.asin(Math.min(1, Math.sqrt(half)))) / RAD;
}

/**
 * The rows nearest each position within the radius; a line with one or several ids gives those. A header line is passed
 * over.
 */
export function lookUp(
  text: string,
  rows: CatalogueRow[],
  indexOf: (id: string) => number | undefined,
  radiusArcsec: number,
): LookupResult {
  const found = new Set<number>();
  const missing: string[] = [];
  for (const [n, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const whole = indexOf(trimmed);
    if (whole !== undefined) {
      found.add(whole);
      continue;
    }
    const position = positionOfText(trimmed);
    if (position !== null) {
      const row = nearest(rows, position.raDeg, position.decDeg, radiusArcsec / 3600);
      if (row === null) missing.push(trimmed);
      else found.add(row);
      continue;
    }
    const words = trimmed.split(/[\s,;]+/).filter((word) => word !== "");
    const known = words.flatMap((word) => indexOf(word.replace(/^"|"$/g, "")) ?? []);
    // Of a table's line the id is one column among others; in a list of ids every word must be one.
    if (known.length > 0) {
      for (const row of known) found.add(row);
      if (known.length < words.length && text.split(/\r?\n/).length === 1)
        missing.push(...words.filter((word) => indexOf(word) === undefined));
    } else if (n > 0 || !/^"?(id|name|object|objid|ra)\b/i.test(trimmed))
      missing.push(...(words.length <= 3 ? [trimmed] : words.slice(0, 1)));
  }
  return { rows: [...found], missing };
}

function nearest(rows: CatalogueRow[], raDeg: number, decDeg: number, radiusDeg: number): number | null {
  let [best, least] = [-1, radiusDeg];
  for (let row = 0; row < rows.length; row++) {
    const { raDeg: ra, decDeg: dec } = rows[row];
    if (ra === null || dec === null || Math.abs(dec - decDeg) > least) continue;
    const separation = separationDeg(raDeg, decDeg, ra, dec);
    if (separation <= least) [best, least] = [row, separation];
  }
  return best < 0 ? null : best;
}
