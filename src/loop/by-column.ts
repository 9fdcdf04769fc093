/** Objects by a column of the catalogue: to begin a search from what is known already. */
import { columnOf, type Survey } from "../survey/folder.ts";

/** Which rows: those with a value, within `least` and `greatest` or equal to `equals` (as text), at most `limit`. */
export interface ColumnQuery {
  column: string;
  equals?: string;
  least?: number;
  greatest?: number;
  sort: "highest" | "lowest" | "catalogue";
  limit: number;
}

/** Rows of the catalogue that a query of one column finds. Throws COLUMN_MISSING. */
export function rowsByColumn(
  survey: Pick<Survey, "folder" | "columns" | "column" | "count">,
  { column: name, equals, least, greatest, sort, limit }: ColumnQuery,
): number[] {
  columnOf(survey, name);
  const column = survey.column(name);
  const found: { row: number; value: number | string | boolean | bigint }[] = [];
  for (let row = 0; row < survey.count; row++) {
    const value = column?.at(row) ?? null;
    if (value === null || value === "" || (equals !== undefined && String(value) !== equals)) continue;
    if (least !== undefined && !(Number(value) >= least)) continue;
    if (greatest !== undefined && !(Number(value) <= greatest)) continue;
    found.push({ row, value });
    if (sort === "catalogue" && found.length === limit) break;
  }
  const direction = sort === "lowest" ? 1 : -1;
  if (sort !== "catalogue")
    found.sort(({ value: a }, { value: b }) => direction * Number(a > b) - direction * Number(a < b));
  return found.slice(0, limit).map(({ row }) => row);
}
