/** The positions of a catalogue at which images are wanted, and the rows that have none. */
import { SkyloopError } from "../base/errors.ts";
import type { Problem } from "../contract/survey.ts";
import { readTable, type Table, type TableRow } from "./catalogue.ts";
import { positionColumns } from "./column-names.ts";
import { faultOfId } from "./ids.ts";
import { idColumnOf, ownColumns, positionsOf, stemOf } from "./labels.ts";

/** A position by its row of the catalogue, counted from 0. */
export interface Target {
  row: number;
  id: string;
  raDeg: number;
  decDeg: number;
}

/** What is read of a catalogue. */
export interface Targets {
  targets: Target[];
  /** The user's columns of each target. */
  columns: TableRow[];
  problems: Problem[];
  /** Rows of the catalogue. */
  rows: number;
}

/**
 * Reads the positions of a catalogue. A row without a position, and one whose id stands above, is a problem. `raUnit` says what
 * plain numbers of right ascension are in; `check` hears how many rows there are before they are read. Throws BAD_POSITION (nothing
 * can be placed, or hours are likely), and as `readTable`.
 */
export async function readTargets(
  catalogue: string,
  raUnit: "deg" | "hours" | undefined,
  check: (rows: number) => void = () => {},
): Promise<Targets> {
  const table = await readTable(catalogue);
  const position = positionColumns(table.columns);
  if (position === null)
    throw new SkyloopError(
      "BAD_POSITION",
      `${catalogue} has no columns of positions (it has ${table.columns.slice(0, 12).join(", ")}); call them ra and dec`,
    );
  check(table.rows.length);
  if (position.ra.length === 1 && raUnit !== undefined)
    table.units.set(position.ra[0], raUnit === "hours" ? "h" : "deg");
  const result = collect(table, stemOf(catalogue));
  if (raUnit === undefined && position.ra.length === 1) askAboutHours(table, position.ra[0], result.targets);
  if (result.targets.length === 0)
    throw new SkyloopError(
      "BAD_POSITION",
      `${catalogue}: no row has a position on the sky (${result.problems[0]?.message ?? "it has no rows"}); right ascension goes from 0 to 360 and declination from -90 to 90 degrees`,
    );
  return result;
}

function collect(table: Table, prefix: string): Targets {
  const problems: Problem[] = [...table.problems];
  const refused = (row: number, code: string, message: string) =>
    problems.push({ source: table.placeOf(row), code, message, kept: false });
  const unreadable = new Map<string, string>();
  const positionOf = positionsOf(table, ({ source, message }) => unreadable.set(source, message));
  const idColumn = idColumnOf(table);
  const position = positionColumns(table.columns);
  const hidden = [idColumn, position?.ra[0], position?.dec[0]].filter((name) => /^(id|ra|dec)$/i.test(name ?? ""));
  const first = new Map<string, number>();
  const result: Targets = { targets: [], columns: [], problems, rows: table.rows.length };
  for (let row = 0; row < table.rows.length; row++) {
    const id = ((idColumn === undefined ? null : table.textAt(row, idColumn)) ?? `${prefix}_${row + 1}`).trim();
    const { raDeg, decDeg } = positionOf(row);
    const place = table.placeOf(row);
    const before = first.get(id);
    const fault = faultOfId(id);
    if (raDeg === null || decDeg === null)
      refused(row, "BAD_POSITION", `${id}: ${unreadable.get(place) ?? "the row has no position"}; it is left out`);
    else if (fault !== null) refused(row, "BAD_ID", `the id ${fault}; it is left out`);
    else if (before !== undefined)
      refused(
        row,
        "ID_TWICE",
        `${id} is also the id of ${table.placeOf(before)}; this row is left out: give it an id of its own`,
      );
    else {
      first.set(id, row);
      result.targets.push({ row, id, raDeg, decDeg });
      result.columns.push(ownColumns(table.rows[row], hidden));
    }
  }
  return result;
}

/**
 * Right ascensions in hours look like degrees: all below 24, over more of the sky than one field. Throws BAD_POSITION, which asks.
 */
function askAboutHours(table: Table, column: string, targets: Target[]): void {
  if (table.units.has(column) || targets.length < 8) return;
  const plain = targets.every(({ row }) => Number.isFinite(Number(table.textAt(row, column))));
  const [ra, dec] = [targets.map(({ raDeg }) => raDeg), targets.map(({ decDeg }) => decDeg)];
  const spread = (values: number[]) =>
    values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  if (!plain || ra.some((value) => value >= 24) || spread(ra) < 8 || spread(dec) < 10) return;
  throw new SkyloopError(
    "BAD_POSITION",
    `all ${targets.length} values of ${column} lie below 24, over ${spread(dec).toFixed(0)} degrees of declination: are they hours? Say --ra-unit hours or --ra-unit deg`,
  );
}
