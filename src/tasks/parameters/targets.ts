/** Columns of numbers to learn: which values count, and what is wrong with a column that cannot be learned. */
import { SkyloopError } from "../../base/errors.ts";
import { columnOf, type Survey } from "../../survey/folder.ts";

/** A column to learn. */
export interface NumberTarget {
  name: string;
  unit?: string;
  /** An angle that is the same after half a turn, in degrees. */
  circular: boolean;
  /** Of each object; NaN where there is none. */
  values: Float64Array;
  /** Objects that have a value. */
  count: number;
}

/** What a person has said of the columns. */
export interface TargetOptions {
  /** Values that mean "missing"; null: nothing was said. */
  missing: readonly number[] | null;
  /** Such values of single columns, in place of `missing`. */
  missingOf?: Readonly<Record<string, readonly number[]>>;
  /** Columns that are angles. */
  circular: readonly string[];
}

/** Fewer values teach nothing. */
const LEAST_VALUES = 20;
/** What catalogues write for "missing". */
const STAND_INS = [-1, -9, -99, -999, -9999, 99, 999, 9999, -99.9, 99.9, -99.99, 99.99];
/** A stand-in lies apart: from the next value by more than twice the typical step of the others … */
const APART_STEPS = 2;
const LEAST_SHARE_OF_STAND_INS = 0.002;
/** … and one that is rarer, by more than half of their range. */
const APART_RANGES = 0.5;
/** Values farther from the median than so many robust deviations cannot be of the same kind. */
const ABSURD_SIGMAS = 1e4;

const fault = (code: string, message: string) => new SkyloopError(code, message);

/** Values that look like stand-ins for "missing", with how often they occur. */
function suspects(values: number[]): { value: number; times: number }[] {
  let sorted = Float64Array.from(new Set(values)).sort();
  const found: { value: number; times: number }[] = [];
  // From both ends inwards: -999 may hide -99.
  for (let seen = true; seen && sorted.length >= 4; ) {
    seen = false;
    const steps = Float64Array.from(sorted.subarray(1), (value, i) => value - sorted[i]).sort();
    const step = steps[steps.length >> 1];
    const last = sorted.length - 1;
    for (const [at, next, rest] of [
      [0, 1, sorted.subarray(1)],
      [last, last - 1, sorted.subarray(0, last)],
    ] as const) {
      const value = sorted[at];
      if (!STAND_INS.includes(value)) continue;
      const times = values.filter((one) => one === value).length;
      const isRare = times < Math.max(2, LEAST_SHARE_OF_STAND_INS * values.length);
      const least = isRare ? APART_RANGES * (rest[rest.length - 1] - rest[0]) : APART_STEPS * step;
      if (Math.abs(value - sorted[next]) <= least) continue;
      found.push({ value, times });
      sorted = rest;
      seen = true;
      break;
    }
  }
  return found;
}

function checkValues(name: string, folder: string, values: number[], missing: TargetOptions["missing"]): void {
  if (values.length < LEAST_VALUES)
    throw fault(
      "COLUMN_TOO_EMPTY",
      `column ${name} of ${folder} has ${values.length} numbers; a parameter needs ${LEAST_VALUES} to be learned, and hundreds to be good`,
    );
  const sorted = Float64Array.from(values).sort();
  if (sorted[0] === sorted[sorted.length - 1])
    throw fault("COLUMN_CONSTANT", `column ${name} of ${folder} has one value only, ${sorted[0]}: nothing to learn`);
  const found = missing === null ? suspects(values) : [];
  if (found.length > 0)
    throw fault(
      "MISSING_UNCLEAR",
      `column ${name} of ${folder} has ${found.map(({ value, times }) => `${times} times ${value}`).join(" and ")}, apart from its other values: say --missing ${found.map(({ value }) => value).join(",")} where that means "no value", or --missing none`,
    );
  const median = sorted[sorted.length >> 1];
  const deviations = Float64Array.from(values, (value) => Math.abs(value - median)).sort();
  const scatter = 1.4826 * deviations[deviations.length >> 1] || deviations[Math.floor(0.9 * deviations.length)];
  const largest = deviations[deviations.length - 1];
  if (scatter > 0 && largest > ABSURD_SIGMAS * scatter)
    throw fault(
      "COLUMN_ABSURD",
      `column ${name} of ${folder} has a value ${largest.toPrecision(3)} from its median ${median.toPrecision(3)}, ${(largest / scatter).toExponential(0)} times its scatter: correct it, or say with --missing that it means "no value"`,
    );
}

/**
 * A column's numbers. Throws COLUMN_MISSING, NOT_NUMBERS, COLUMN_TOO_EMPTY, COLUMN_CONSTANT, MISSING_UNCLEAR,
 * COLUMN_ABSURD.
 */
export function readTarget(survey: Survey, name: string, options: TargetOptions): NumberTarget {
  const { circular } = options;
  const missing = options.missingOf?.[name] ?? options.missing;
  const { type, unit } = columnOf(survey, name);
  if (type !== "number")
    throw fault(
      "NOT_NUMBERS",
      `column ${name} of ${survey.folder} holds ${type === "boolean" ? "yes and no" : "text"}, not numbers; learn it with \`skyloop train classify --column ${name}\``,
    );
  const column = survey.column(name);
  const values = Float64Array.from({ length: survey.count }, (_, row) => {
    const value = column?.at(row) ?? null;
    const number = value === null ? Number.NaN : Number(value);
    return Number.isFinite(number) && !(missing ?? []).includes(number) ? number : Number.NaN;
  });
  const known = Array.from(values).filter(Number.isFinite);
  checkValues(name, survey.folder, known, missing);
  return {
    name,
    ...(unit === undefined ? {} : { unit }),
    circular: circular.includes(name),
    values,
    count: known.length,
  };
}

/** What a network learns of a target: itself, or the two components of twice an angle. */
export function outputsOf({ circular }: Pick<NumberTarget, "circular">): number {
  return circular ? 2 : 1;
}

/** The components of an angle in degrees that is the same after half a turn. */
export function componentsOf(angleDeg: number): [sin: number, cos: number] {
  const twice = (2 * angleDeg * Math.PI) / 180;
  return [Math.sin(twice), Math.cos(twice)];
}

/** The angle in degrees, 0 to below 180, of two components. */
export function angleOf(sin: number, cos: number): number {
  return ((((Math.atan2(sin, cos) * 90) / Math.PI) % 180) + 180) % 180;
}

/** Difference of two angles that are the same after half a turn, -90 to 90 degrees. */
export function turnBetween(a: number, b: number): number {
  return ((((a - b + 90) % 180) + 180) % 180) - 90;
}
