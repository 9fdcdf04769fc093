/**
 * What a probe learns from and is measured on: labelled objects of one or several surveys, duplicates kept on one side
 * of the split.
 */

import { basename } from "node:path";
import { blocks } from "../base/blocks.ts";
import { SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { loadBlocks } from "../batches/loader.ts";
import { columnOf, type Survey } from "../survey/folder.ts";

/**
 * Labelled objects over all surveys: place in the joint feature matrix, class, and which objects are the same galaxy.
 */
export interface LabelledObject {
  row: number;
  label: number;
  /** Objects of one group are (nearly) the same picture. */
  group: number;
}

/**
 * Two objects whose thumbnails correlate at least so much are taken for the same galaxy; in gz_kaggle and
 * gz2_votes_1000 there is a gap between such pairs and the next ones.
 */
const SAME_PICTURE = 0.98;
const THUMBNAIL_PX = 24;
const CENTRE = (THUMBNAIL_PX - 1) / 2;
const RADII = Array.from({ length: THUMBNAIL_PX ** 2 }, (_, p) =>
  Math.round(Math.hypot((p % THUMBNAIL_PX) - CENTRE, Math.floor(p / THUMBNAIL_PX) - CENTRE)),
);

/**
 * Grey thumbnails less their mean at each radius, since all galaxies are brightest in the middle; unit norm, [count,
 * 576].
 */
async function thumbnails(survey: Survey): Promise<Float32Array> {
  const N = THUMBNAIL_PX ** 2;
  const out = new Float32Array(survey.header.count * N);
  const ranges = blocks(survey.header.count, 256);
  for await (const { from, pixels } of loadBlocks(survey.folder, THUMBNAIL_PX, ranges))
    for (let i = 0; i < pixels.length / (3 * N); i++) {
      const grey = Float64Array.from(
        { length: N },
        (_, p) => pixels[3 * i * N + p] + pixels[(3 * i + 1) * N + p] + pixels[(3 * i + 2) * N + p] || 0,
      );
      const [sums, counts] = [new Float64Array(THUMBNAIL_PX), new Float64Array(THUMBNAIL_PX)];
      for (let p = 0; p < N; p++) {
        sums[RADII[p]] += grey[p];
        counts[RADII[p]]++;
      }
      const rest = grey.map((value, p) => value - sums[RADII[p]] / counts[RADII[p]]);
      const norm = Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0)) || 1;
      for (let p = 0; p < N; p++) out[(from + i) * N + p] = rest[p] / norm;
    }
  return out;
}

/**
 * In place of a column: the class of an object is the survey it is from, which features that know the galaxy should not
 * tell.
 */
export const SURVEY_COLUMN = "@survey";

/**
 * Objects with a label in `columns` (one name for all surveys, or one for each). With `positive` values there are two
 * classes: those, and `negative` ones, or all others where none are named. Throws COLUMN_MISSING, ONE_CLASS.
 */
export async function labelledObjects(
  surveys: Survey[],
  columns: string[],
  positive: string[],
  negative: string[] = [],
): Promise<{ objects: LabelledObject[]; classes: string[]; duplicates: number }> {
  const found: { row: number; value: string; survey: number; index: number }[] = [];
  let before = 0;
  for (const [s, survey] of surveys.entries()) {
    const column = columns.length === 1 ? columns[0] : columns[s];
    if (column !== SURVEY_COLUMN) columnOf(survey, column);
    for (const [index, { columns: values }] of survey.rows.entries()) {
      const value = column === SURVEY_COLUMN ? basename(survey.folder) : values[column];
      if (value === null || value === undefined || value === "") continue;
      if (negative.length > 0 && !negative.includes(String(value)) && !positive.includes(String(value))) continue;
      found.push({ row: before + index, value: String(value), survey: s, index });
    }
    before += survey.header.count;
  }
  const classes =
    positive.length > 0
      ? [negative.length > 0 ? negative.join(" or ") : "rest", positive.join(" or ")]
      : [...new Set(found.map(({ value }) => value))].sort();
  const labelOf = (value: string) => (positive.length > 0 ? Number(positive.includes(value)) : classes.indexOf(value));
  const counts = classes.map((_, label) => found.filter(({ value }) => labelOf(value) === label).length);
  if (classes.length < 2 || counts.includes(0))
    throw new SkyloopError(
      "ONE_CLASS",
      `the probe needs two classes or more; ${columns.join(", ")} gives ${classes.map((name, i) => `${name}: ${counts[i]}`).join(", ")}`,
    );

  const looks = await Promise.all(surveys.map(thumbnails));
  const N = THUMBNAIL_PX ** 2;
  const group = found.map((_, i) => i);
  let duplicates = 0;
  for (let i = 0; i < found.length; i++)
    for (let j = 0; j < i; j++) {
      const [a, b] = [looks[found[i].survey], looks[found[j].survey]];
      const [atA, atB] = [found[i].index * N, found[j].index * N];
      let product = 0;
      for (let p = 0; p < N; p++) product += a[atA + p] * b[atB + p];
      if (product < SAME_PICTURE || group[i] === group[j]) continue;
      duplicates++;
      const [from, to] = [group[i], group[j]];
      for (let k = 0; k <= i; k++) if (group[k] === from) group[k] = to;
    }
  return {
    objects: found.map(({ row, value }, i) => ({ row, label: labelOf(value), group: group[i] })),
    classes,
    duplicates,
  };
}

/** Share of the groups that are measured on. */
export const VALIDATION_SHARE = 0.25;

/** The fixed split: whole groups, chosen by `seed`, to validation; the rest to learn from. */
export function splitGroups(
  objects: LabelledObject[],
  seed: number,
): { train: LabelledObject[]; validation: LabelledObject[] } {
  const groups = new Random(seed)
    .fork("probe split")
    .shuffle([...new Set(objects.map(({ group }) => group))].sort((a, b) => a - b));
  const held = new Set(groups.slice(0, Math.round(groups.length * VALIDATION_SHARE)));
  return {
    train: objects.filter(({ group }) => !held.has(group)),
    validation: objects.filter(({ group }) => held.has(group)),
  };
}
