/**
 * Labels from a table back into a session: an earlier export, or somebody else's list. Looked at first, saved when the
 * person says so.
 */
import { randomUUID } from "node:crypto";
import { SkyloopError } from "../base/errors.ts";
import { LabelValue, type NewLabel } from "../contract/api.ts";
import type { Imported } from "../contract/insight.ts";
import type { Store } from "../store/store.ts";
import { isMissing, numberOf } from "../survey/cells.ts";
import { idColumns } from "../survey/column-names.ts";
import { parseDelimited } from "../survey/delimited.ts";
import { isHarmless } from "../survey/spreadsheet.ts";
import { fold } from "./fold.ts";
import { addLabels, findSession, type SessionSurvey } from "./session.ts";

const WORDS: Record<string, LabelValue> = {
  "1": "positive",
  yes: "positive",
  true: "positive",
  "0": "negative",
  no: "negative",
  false: "negative",
};
const PER_WRITE = 1000;

/** An object of a table of labels and the label that its words mean. */
export interface LabelRow {
  object: string;
  value: LabelValue;
}

/** What a table's rows say: object and label; rows without a label are left out. Throws IMPORT_UNREADABLE. */
export function readLabelTable(text: string): LabelRow[] {
  const { columns, rows, lines } = parseDelimited(text);
  const [idName] = idColumns(columns);
  const label = columns.findIndex((column) => ["label", "value", "class"].includes(column.toLowerCase()));
  if (idName === undefined || label < 0)
    throw new SkyloopError(
      "IMPORT_UNREADABLE",
      `a table of labels needs a header line with \`id\` and \`label\`; this one has ${columns.slice(0, 8).join(", ") || "nothing"}`,
    );
  const id = columns.indexOf(idName);
  const said = new Map<string, { value: LabelValue; line: number }>();
  return rows.flatMap((row, n) => {
    const [object, given] = [row[id].trim(), row[label].trim().toLowerCase()];
    if (object === "" || isMissing(given)) return [];
    const value = WORDS[String(Number.isNaN(numberOf(given)) ? given : numberOf(given))] ?? given;
    const parsed = LabelValue.safeParse(value);
    if (!parsed.success || parsed.data === "clear")
      throw new SkyloopError(
        "IMPORT_UNREADABLE",
        `line ${lines[n]}: label ${row[label]} is none of positive, negative, unsure (or 1 and 0); correct the table`,
      );
    const before = said.get(object);
    if (before !== undefined && before.value !== parsed.data)
      throw new SkyloopError(
        "IMPORT_UNREADABLE",
        `${object} stands twice in the table, as ${before.value} in line ${before.line} and as ${parsed.data} in line ${lines[n]}; keep one of them`,
      );
    said.set(object, { value: parsed.data, line: lines[n] });
    return [{ object, value: parsed.data }];
  });
}

/**
 * Compares a table with the session's labels and, with `apply`, adds what is new and what differs as the opinion of
 * `who`; what others said stays, and the page shows both. Labels that are the same already are not written again.
 */
export async function importLabels(
  store: Store,
  survey: SessionSurvey,
  session: string,
  who: string,
  rows: LabelRow[],
  apply: boolean,
): Promise<Imported> {
  const { alpha } = await findSession(store, session);
  const { labels } = fold(await store.events(session), alpha);
  // Exports put an apostrophe before what a spreadsheet would compute.
  const named = (object: string) =>
    survey.indexOf(object) === undefined && isHarmless(object) && survey.indexOf(object.slice(1)) !== undefined
      ? object.slice(1)
      : object;
  const given = new Map(rows.map(({ object, value }) => [named(object), value]));
  const unknown = [...given.keys()].filter((object) => survey.indexOf(object) === undefined);
  const known = [...given].filter(([object]) => survey.indexOf(object) !== undefined);
  const conflicts = known.flatMap(([object, imported]) => {
    const here = labels[object];
    return here?.value == null || here.value === imported
      ? []
      : [{ object, here: here.value, who: here.who, imported }];
  });
  const fresh = known.filter(([object]) => labels[object]?.value == null);
  const different = new Set(conflicts.map(({ object }) => object));
  if (apply) {
    // One action, so that one undo takes the whole table back.
    const action = `import-${randomUUID()}`;
    const wanted = known
      .filter(([object]) => labels[object]?.value == null || different.has(object))
      .map(([object, value], n): NewLabel => ({ object, value, clientKey: `${action}/${n}` }));
    for (let from = 0; from < wanted.length; from += PER_WRITE)
      await addLabels(store, survey, session, { who, labels: wanted.slice(from, from + PER_WRITE) });
  }
  return {
    fresh: fresh.length,
    same: known.length - fresh.length - conflicts.length,
    conflicts,
    unknown,
    saved: apply,
  };
}
