/** What a survey's catalogue says its objects are: one class each, or shares of votes. */
import { SkyloopError } from "../../base/errors.ts";
import { columnOf, type Survey } from "../../survey/folder.ts";

/** Labelled objects of a survey: `rows` [N] of the catalogue and `targets` [N, classes], each row summing to 1. */
export interface ClassTargets {
  classes: string[];
  rows: number[];
  targets: Float32Array;
  /** Whether targets are shares of votes rather than one class each. */
  soft: boolean;
  /** Objects left out because they have no label. */
  unlabelled: number;
}

/** More different values than these are a measurement, not a class. */
const MOST_CLASSES = 100;

const isEmpty = (value: unknown) =>
  value === null || value === undefined || value === "" || (typeof value === "number" && Number.isNaN(value));

/**
 * One class an object from a column; empty and NaN values are unlabelled. Classes are the column's values in
 * alphabetical order (numbers by size), or `only` those. Throws COLUMN_MISSING, NO_LABELS (nothing but empty values),
 * ONE_CLASS, NOT_CLASSES (a column of measurements).
 */
export function readClasses(survey: Survey, column: string, only: string[] = []): ClassTargets {
  columnOf(survey, column);
  const values = survey.rows.map((row) => row.columns[column]);
  const found = [...new Set(values.filter((value) => !isEmpty(value)).map(String))];
  if (found.length === 0)
    throw new SkyloopError(
      "NO_LABELS",
      `column ${column} of ${survey.folder} is empty or NaN in all ${values.length} rows; choose a column with labels`,
    );
  const unknown = only.filter((name) => !found.includes(name));
  if (unknown.length > 0)
    throw new SkyloopError(
      "ONE_CLASS",
      `column ${column} has no value ${unknown.join(", ")}; it has ${found.slice(0, 12).join(", ")}`,
    );
  if (found.length > MOST_CLASSES || (found.length > 20 && found.length > values.length / 5))
    throw new SkyloopError(
      "NOT_CLASSES",
      `column ${column} has ${found.length} different values (${found.slice(0, 3).join(", ")}, …): a measurement, not a class; choose another column, or name some values with --classes`,
    );
  const classes =
    only.length > 0
      ? only
      : found.sort((a, b) =>
          Number.isNaN(Number(a)) || Number.isNaN(Number(b)) ? a.localeCompare(b) : Number(a) - Number(b),
        );
  if (classes.length < 2)
    throw new SkyloopError(
      "ONE_CLASS",
      `column ${column} of ${survey.folder} has only one class (${classes[0]}); a classifier needs two or more`,
    );
  const place = new Map(classes.map((name, k) => [name, k]));
  const rows = values.flatMap((value, row) => (!isEmpty(value) && place.has(String(value)) ? [row] : []));
  const targets = new Float32Array(rows.length * classes.length);
  for (const [i, row] of rows.entries()) targets[i * classes.length + (place.get(String(values[row])) as number)] = 1;
  return { classes, rows, targets, soft: false, unlabelled: values.length - rows.length };
}

/**
 * Shares of votes from two or more columns, scaled to sum to 1; the columns are the classes. Objects with an empty
 * share, or without any vote, are unlabelled. Throws COLUMN_MISSING, ONE_CLASS, BAD_VOTES (negative or not a number),
 * NO_LABELS.
 */
export function readVotes(survey: Survey, columns: string[]): ClassTargets {
  for (const column of columns) columnOf(survey, column);
  if (columns.length < 2)
    throw new SkyloopError(
      "ONE_CLASS",
      `shares of votes need two or more columns, got ${columns.join(", ") || "none"}`,
    );
  const rows: number[] = [];
  const targets: number[] = [];
  for (const [index, row] of survey.rows.entries()) {
    const votes = columns.map((column) => row.columns[column]);
    if (votes.some(isEmpty)) continue;
    const shares = votes.map(Number);
    if (shares.some((share) => !(share >= 0)))
      throw new SkyloopError(
        "BAD_VOTES",
        `shares of votes are numbers from 0 up; object ${row.id} has ${votes.join(", ")} in ${columns.join(", ")}`,
      );
    const total = shares.reduce((sum, share) => sum + share, 0);
    if (total === 0) continue;
    rows.push(index);
    targets.push(...shares.map((share) => share / total));
  }
  if (rows.length === 0)
    throw new SkyloopError(
      "NO_LABELS",
      `no object of ${survey.folder} has votes in all of ${columns.join(", ")}; choose columns that are filled together`,
    );
  return {
    classes: columns,
    rows,
    targets: Float32Array.from(targets),
    soft: true,
    unlabelled: survey.count - rows.length,
  };
}

/**
 * The labels of a column as a head numbers its classes, also where the survey lacks some of them; objects of others are
 * left out. Throws COLUMN_MISSING, NOT_CLASSES, ONE_CLASS, and NO_LABELS where none is of these classes.
 */
export function readKnownClasses(survey: Survey, column: string, classes: string[]): ClassTargets {
  const all = readClasses(survey, column);
  const place = all.classes.map((name) => classes.indexOf(name));
  const kept = [...hardClasses(all)].flatMap((k, i) => (place[k] >= 0 ? [{ row: all.rows[i], k: place[k] }] : []));
  if (kept.length === 0)
    throw new SkyloopError(
      "NO_LABELS",
      `column ${column} of ${survey.folder} has none of the head's classes (${classes.join(", ")}); it has ${all.classes.slice(0, 12).join(", ")}`,
    );
  const targets = new Float32Array(kept.length * classes.length);
  for (const [i, { k }] of kept.entries()) targets[i * classes.length + k] = 1;
  return {
    classes,
    rows: kept.map(({ row }) => row),
    targets,
    soft: false,
    unlabelled: all.unlabelled + all.rows.length - kept.length,
  };
}

/** The class with the largest target of each object. */
export function hardClasses({ targets, classes }: Pick<ClassTargets, "targets" | "classes">): Int32Array {
  return Int32Array.from({ length: targets.length / classes.length }, (_, i) => {
    const row = targets.subarray(i * classes.length, (i + 1) * classes.length);
    return row.indexOf(Math.max(...row));
  });
}
