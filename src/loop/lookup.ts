/** Objects from what people type or upload: a table with a header, or ids and positions, one a line. */

import { codeOf } from "../base/errors.ts";
import { idColumns } from "../survey/column-names.ts";
import { parseDelimited } from "../survey/delimited.ts";
import { type Position, positionReader } from "../survey/labels.ts";
import { positionOfText } from "../survey/position-text.ts";
import { isHarmless } from "../survey/spreadsheet.ts";
import { ConeIndex } from "./cone-index.ts";
import { type Sky, SkyIndex } from "./sky-index.ts";

/** The objects that a text of ids and positions names. */
export interface LookupResult {
  rows: number[];
  /** Words and lines that name nothing here. */
  missing: string[];
}

type IndexOf = (id: string) => number | undefined;

/**
 * The objects of a table by its column of ids, else its positions; without a header of known names the rows nearest each
 * position within the radius, and for a line with one or several ids those. A position with a radius behind it (`150.1 2.2 30`, or a
 * column `radius`; arcsec) names all objects within that. Linear in the text and the rows.
 */
export function lookUp(text: string, sky: Sky, indexOf: IndexOf, radiusArcsec: number): LookupResult {
  const search = new Search(sky, indexOf, radiusArcsec / 3600);
  if (!search.table(text)) search.lines(text.split(/\r\n?|\n/));
  return search.found();
}

class Search {
  readonly #sky: Sky;
  readonly #indexOf: IndexOf;
  readonly #radiusDeg: number;
  readonly #rows = new Set<number>();
  readonly #missing: string[] = [];
  #index: SkyIndex | null = null;
  #cones: ConeIndex | null = null;

  constructor(sky: Sky, indexOf: IndexOf, radiusDeg: number) {
    this.#sky = sky;
    this.#indexOf = indexOf;
    this.#radiusDeg = radiusDeg;
  }

  found(): LookupResult {
    return { rows: [...this.#rows], missing: this.#missing };
  }

  /** Reads the text as a table; false where its first line is no header with ids or positions. */
  table(text: string): boolean {
    const table = tableOf(text);
    if (table === null || this.#indexOf(text.split(/[\r\n]/, 1)[0].trim()) !== undefined) return false;
    const { columns, rows } = table;
    const places = idColumns(columns).map((name) => columns.indexOf(name));
    const position = positionReader(columns);
    if (places.length === 0 && position === null) return false;
    const known = (at: number) => rows.reduce((sum, row) => sum + Number(this.#rowOf(row[at]) !== undefined), 0);
    const counted = places.map((at) => ({ at, count: known(at) }));
    const best = counted.reduce((most, one) => (one.count > most.count ? one : most), { at: -1, count: 0 });
    const radiusAt = columns.findIndex((name) => /^(radius|r|sr)(_?arcsec)?$/i.test(name));
    for (const row of rows) {
      const byId = best.at < 0 ? undefined : this.#rowOf(row[best.at]);
      const place = byId === undefined ? position?.((name) => row[columns.indexOf(name)] ?? "") : undefined;
      const radiusArcsec = radiusAt < 0 ? Number.NaN : Number(row[radiusAt] || Number.NaN);
      if (byId !== undefined) this.#rows.add(byId);
      else if (!(radiusArcsec >= 0 ? this.#within(place, radiusArcsec) : this.#near(place)))
        this.#missing.push(row.join(","));
    }
    return true;
  }

  lines(lines: string[]): void {
    for (const line of lines) {
      const trimmed = line.trim();
      if (trimmed !== "" && !trimmed.startsWith("#")) this.#line(trimmed, lines.length === 1);
    }
  }

  #line(line: string, alone: boolean): void {
    const whole = this.#rowOf(line);
    if (whole !== undefined) {
      this.#rows.add(whole);
      return;
    }
    const position = positionOfText(line);
    if (position !== null) {
      if (!this.#near(position)) this.#missing.push(line);
      return;
    }
    const words = line.split(/[\s,;]+/).filter((word) => word !== "");
    const rows = words.map((word) => this.#rowOf(word));
    const known = rows.filter((row) => row !== undefined);
    const cone = known.length === 0 ? coneOfText(line) : null;
    if (cone !== null) {
      if (!this.#within(cone.position, cone.radiusArcsec)) this.#missing.push(line);
      return;
    }
    for (const row of known) this.#rows.add(row);
    // Of a table's line the id is one column among others; in a list of ids every word must be one.
    if (known.length === 0) this.#missing.push(...(words.length <= 3 ? [line] : words.slice(0, 1)));
    else if (alone) this.#missing.push(...words.filter((_, i) => rows[i] === undefined));
  }

  #rowOf(text: string | undefined): number | undefined {
    const id = (text ?? "").trim().replace(/^"(.*)"$/, "$1");
    return id === "" ? undefined : (this.#indexOf(id) ?? (isHarmless(id) ? this.#indexOf(id.slice(1)) : undefined));
  }

  /** Adds all objects within a radius; false where there is none. */
  #within(position: Position | null | undefined, radiusArcsec: number): boolean {
    if (position == null || position.raDeg === null || position.decDeg === null) return false;
    this.#cones ??= new ConeIndex(this.#sky);
    const near = this.#cones.within(position.raDeg, position.decDeg, radiusArcsec / 3600);
    for (const { row } of near) this.#rows.add(row);
    return near.length > 0;
  }

  /** Adds the object at a position; false where there is none. */
  #near(position: Position | null | undefined): boolean {
    if (position == null || position.raDeg === null || position.decDeg === null) return false;
    this.#index ??= new SkyIndex(this.#sky, this.#radiusDeg);
    const row = this.#index.nearest(position.raDeg, position.decDeg);
    if (row !== null) this.#rows.add(row);
    return row !== null;
  }
}

/** A position with a radius behind it. */
function coneOfText(line: string): { position: Position; radiusArcsec: number } | null {
  const match = /^(.+?)[\s,;]+(\d+(?:\.\d*)?)\s*(?:"|″|arcsec)?$/.exec(line);
  const position = match === null ? null : positionOfText(match[1]);
  return match === null || position === null ? null : { position, radiusArcsec: Number(match[2]) };
}

function tableOf(text: string): ReturnType<typeof parseDelimited> | null {
  try {
    return parseDelimited(text);
  } catch (cause) {
    if (codeOf(cause) === "TABLE_BROKEN") return null;
    throw cause;
  }
}
