/** A session's ranking and labels as a table that other programs read. */
import type { RankedRow } from "../contract/api.ts";
import type { Store } from "../store/store.ts";
import { type ColumnSpec, type TableFormat, writeTable } from "../survey/catalogue.ts";
import type { Survey } from "../survey/folder.ts";
import { fold } from "./fold.ts";
import { readScores } from "./scores.ts";
import { findSession } from "./session.ts";

/** Endings of the formats' files. */
export const EXPORT_SUFFIX: Record<TableFormat, string> = { csv: "csv", parquet: "parquet", fits: "fits", votable: "vot" };

const COLUMNS: ColumnSpec[] = [
  { name: "id", type: "string", description: "object of the survey's catalogue" },
  { name: "ra", type: "number", unit: "deg", description: "right ascension (ICRS)" },
  { name: "dec", type: "number", unit: "deg", description: "declination (ICRS)" },
  { name: "score", type: "number", description: "probability of being what the session looks for, by its last full ranking" },
  { name: "label", type: "string", description: "positive, negative, unsure or empty" },
  { name: "tags", type: "string", description: "tags, separated by semicolons" },
  { name: "round", type: "integer", description: "round in which the label was given; 0 is the start" },
  { name: "who", type: "string", description: "who gave the label" },
];

/** All objects, best score first; without a ranking yet in catalogue order with score 0. Ties keep catalogue order. */
export function rankedRows(store: Store, survey: Survey, session: string): RankedRow[] {
  const { labels } = fold(store.events(session), findSession(store, session).alpha);
  const scores = readScores(survey.folder, session, survey.rows.length) ?? new Float32Array(survey.rows.length);
  const order = Uint32Array.from(survey.rows, (_, row) => row).sort((a, b) => scores[b] - scores[a] || a - b);
  return Array.from(order, (row, i) => {
    const { id, raDeg, decDeg, widthPx, heightPx } = survey.rows[row];
    const label = labels[id];
    return {
      object: id,
      raDeg,
      decDeg,
      widthPx,
      heightPx,
      rank: i + 1,
      score: scores[row],
      label: label?.value ?? null,
      tags: label?.tags ?? [],
      round: label?.round ?? null,
      who: label?.who ?? null,
    };
  });
}

/** Writes every object of the survey with score, label and who gave it. */
export async function exportSession(store: Store, survey: Survey, session: string, format: TableFormat, path: string): Promise<number> {
  const rows = rankedRows(store, survey, session).map(({ object, raDeg, decDeg, score, label, tags, round, who }) => ({
    id: object,
    ra: raDeg,
    dec: decDeg,
    score,
    label: label ?? "",
    tags: tags.join(";"),
    round,
    who: who ?? "",
  }));
  await writeTable(path, format, COLUMNS, rows);
  return rows.length;
}
