/** What published catalogues say of the galaxies of a run: shares to be foretold, each with a weight. */
import { basename } from "node:path";
import { z } from "zod";
import { SkyloopError } from "../../base/errors.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { columnOf, openSurvey, type Survey } from "../../survey/folder.ts";

/** A column of a survey's catalogue and how it is understood. */
export const TargetColumn = z
  .strictObject({
    column: z.string(),
    /** The column names a class: one yes or no for each of these values. Absent: it is a number. */
    classes: z.array(z.string()).min(1).optional(),
    /** What of a number counts as none and as all; numbers outside (-1 for "cannot be told") say nothing. */
    range: z.tuple([z.number(), z.number()]).default([0, 1]),
    /** Columns of the number's lower and upper limit: the wider they lie, the less it counts. */
    limits: z.tuple([z.string(), z.string()]).optional(),
    /** Columns whose product is how many people answered: the number is the share of them who said yes. */
    answers: z.array(z.string()).min(1).optional(),
  })
  .refine(({ range }) => range[0] < range[1], "range goes from the smaller to the larger number")
  .refine(
    ({ classes, limits, answers }) => [classes, limits, answers].filter((way) => way !== undefined).length <= 1,
    "names more than one of classes, limits, answers",
  );
export type TargetColumn = z.infer<typeof TargetColumn>;

/** By the name of a survey's folder. */
export const Catalogue = z.record(z.string(), z.array(TargetColumn).min(1));
export type Catalogue = z.infer<typeof Catalogue>;

/** Limits that lie apart by so much of the range halve what a number counts: a step of EFIGI's scale. */
const TYPICAL_WIDTH = 0.25;
/** So many people's answers count as much as one expert's: what a galaxy of Galaxy Zoo 2 had at least. */
const TYPICAL_ANSWERS = 20;

/** Shares [count, names] in 0 .. 1 and what each counts, 0 where the catalogue says nothing; by the rows of a bank. */
export interface CatalogueShares {
  /** `survey column` or `survey column=value`. */
  names: string[];
  share: Float32Array;
  weight: Float32Array;
}

type Values = Record<string, string | number | boolean | null | undefined>;

const numberIn = (values: Values, column: string): number => {
  const value = values[column];
  return value === null || value === undefined || value === "" ? Number.NaN : Number(value);
};

/** The shares that a column tells of one galaxy, with their weights: one, or one for each class. */
export function targetShares(values: Values, { column, classes, range, limits, answers }: TargetColumn) {
  if (classes !== undefined) {
    const value = String(values[column] ?? "");
    const known = classes.includes(value);
    return classes.map((name) => ({ share: name === value ? 1 : 0, weight: known ? 1 : 0 }));
  }
  const [least, most] = range;
  const share = (numberIn(values, column) - least) / (most - least);
  if (!(share >= 0 && share <= 1)) return [{ share: 0, weight: 0 }];
  let weight = 1;
  if (limits !== undefined) {
    const width = (numberIn(values, limits[1]) - numberIn(values, limits[0])) / (most - least);
    weight = 1 / (1 + Math.max(0, width) / TYPICAL_WIDTH);
  }
  if (answers !== undefined)
    weight = Math.min(1, answers.reduce((product, name) => product * numberIn(values, name), 1) / TYPICAL_ANSWERS);
  return [weight > 0 ? { share, weight } : { share: 0, weight: 0 }];
}

/**
 * What `catalogue` says of the images of a bank that was loaded from the surveys at `folders`, in their order. Throws
 * COLUMN_MISSING, and BAD_RECIPE where it names a survey that is not among them.
 */
export async function catalogueShares(
  catalogue: Catalogue,
  folders: string[],
  bank: Pick<ImageBank, "count" | "surveyOf" | "stampOf">,
): Promise<CatalogueShares> {
  const known = folders.map((folder) => basename(folder));
  for (const name of Object.keys(catalogue))
    if (!known.includes(name))
      throw new SkyloopError(
        "BAD_RECIPE",
        `the recipe's catalogue names the survey ${name}, which the run does not have (it has: ${known.join(", ")}); add it, or take it out of the catalogue`,
      );
  const names = Object.entries(catalogue).flatMap(([survey, columns]) =>
    columns.flatMap(({ column, classes }) =>
      classes === undefined ? [`${survey} ${column}`] : classes.map((value) => `${survey} ${column}=${value}`),
    ),
  );
  const share = new Float32Array(bank.count * names.length);
  const weight = new Float32Array(bank.count * names.length);
  let first = 0;
  for (const [name, columns] of Object.entries(catalogue)) {
    const at = known.indexOf(name);
    const survey = await openSurvey(folders[at]);
    checkColumns(survey, columns);
    const width = columns.reduce((sum, { classes }) => sum + (classes?.length ?? 1), 0);
    for (let row = 0; row < bank.count; row++) {
      if (bank.surveyOf[row] !== at) continue;
      const { columns: values } = survey.rows[bank.stampOf[row]];
      const told = columns.flatMap((column) => targetShares(values, column));
      for (const [i, one] of told.entries()) {
        share[row * names.length + first + i] = one.share;
        weight[row * names.length + first + i] = one.weight;
      }
    }
    survey.close();
    first += width;
  }
  return { names, share, weight };
}

function checkColumns(survey: Survey, columns: TargetColumn[]): void {
  for (const { column, limits = [], answers = [] } of columns)
    for (const name of [column, ...limits, ...answers]) columnOf(survey, name);
}
