/** A simulated person who labels from a catalogue's column, for measuring the loop. */
import { SkyloopError } from "../base/errors.ts";
import { columnOf, type Survey } from "../survey/folder.ts";

/** Which values of a label column a simulated person says yes and no to. */
export interface LabelQuestion {
  column: string;
  positive: string[];
  /** Values that are negative; all other values where empty. */
  negative: string[];
}

/**
 * What each labelled object is: row and answer. Objects without a value, or with one that is neither, are not in the
 * experiment.
 */
export function answers(
  survey: Survey,
  { column, positive, negative }: LabelQuestion,
): { row: number; positive: boolean }[] {
  columnOf(survey, column);
  const found = survey.rows.flatMap((row, i) => {
    const value = row.columns[column];
    if (value === null || value === undefined || value === "") return [];
    const isPositive = positive.includes(String(value));
    return isPositive || negative.length === 0 || negative.includes(String(value))
      ? [{ row: i, positive: isPositive }]
      : [];
  });
  const positives = found.filter((answer) => answer.positive).length;
  if (positives === 0 || positives === found.length) {
    const values = [
      ...new Set(survey.rows.map((row) => row.columns[column]).filter((value) => value !== null && value !== "")),
    ];
    throw new SkyloopError(
      "ONE_CLASS",
      `${survey.folder}: column ${column} gives ${positives} positives of ${found.length} labelled objects; --positive must name some of its values, not all (${values.slice(0, 12).join(", ")})`,
    );
  }
  return found;
}
