/** In which numbers an object is far from the others: what was measured of it first, then the encoder's features. */

import type { FarNumber } from "../contract/similar.ts";
import { listPredictions } from "../store/predictions.ts";
import type { Survey } from "../survey/folder.ts";
import type { FeatureSpace } from "./learn.ts";

/** Places, flags and the sky say nothing of the galaxy. */
const NOT_OF_THE_GALAXY = /^(x|y|flags|sky.*|.*_err(_.*)?|.*_flag|.*_(lo|hi)\d+)$/;
const STATISTICS_ROWS = 20_000;
/** Beyond so many standard deviations a number is far. */
const FAR_SIGMAS = 3;

/** Median and 1.4826 times the median absolute deviation of every step-th finite value; null without scatter. */
function spreadOf(value: (row: number) => number | null, count: number): { median: number; sd: number } | null {
  const step = Math.max(1, Math.floor(count / STATISTICS_ROWS));
  const values: number[] = [];
  for (let row = 0; row < count; row += step) {
    const one = value(row);
    if (one !== null && Number.isFinite(one)) values.push(one);
  }
  if (values.length < 10) return null;
  const middle = (of: number[]) => Float64Array.from(of).sort()[of.length >> 1];
  const median = middle(values);
  const sd = 1.4826 * middle(values.map((one) => Math.abs(one - median)));
  return sd > 0 ? { median, sd } : null;
}

/**
 * A function from a row to its far numbers, the farthest first: at most `most` that were measured (TABLE.COLUMN), and two
 * of the encoder ("feature N", from 0).
 */
export function farNumbers(survey: Survey, space: FeatureSpace, most = 3): (row: number) => FarNumber[] {
  const sets = listPredictions(survey.folder, survey.header.dataHash).filter(({ task }) => task === "measure");
  const measured = sets.flatMap((set) =>
    set.columns.flatMap(({ name, unit }) => {
      const column = NOT_OF_THE_GALAXY.test(name) ? undefined : survey.column(`${set.name}.${name}`);
      if (column === undefined) return [];
      const of = (row: number) => column.at(row) as number | null;
      const spread = spreadOf(of, survey.count);
      return spread === null ? [] : [{ name: `${set.name}.${name}`, unit, of, ...spread }];
    }),
  );
  const { matrix, dim, mean, sd } = space;
  const farthest = (all: FarNumber[], count: number) =>
    all
      .filter(({ sigmas }) => Math.abs(sigmas) >= FAR_SIGMAS)
      .sort((a, b) => Math.abs(b.sigmas) - Math.abs(a.sigmas))
      .slice(0, count);
  return (row) => {
    const numbers = measured.flatMap(({ name, unit, of, median, sd: scatter }): FarNumber[] => {
      const value = of(row);
      if (value === null) return [];
      return [{ name, value, ...(unit === undefined ? {} : { unit }), sigmas: (value - median) / scatter }];
    });
    const own = matrix.gather([row]);
    const features = Array.from({ length: dim }, (_, d): FarNumber => {
      const value = own[d];
      return { name: `feature ${d}`, value, sigmas: (value - mean[d]) / sd[d] };
    });
    return [...farthest(numbers, most), ...farthest(features, 2)];
  };
}
