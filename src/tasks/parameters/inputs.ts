/** What parameters are learned from: an encoder's features, and numbers that were measured of the stamp. */
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { FLAGS } from "../../measure/morphology/flags.ts";
import { listPredictions, readPredictions } from "../../store/predictions.ts";
import type { Survey } from "../../survey/folder.ts";
import { featuresFor } from "../embed/embed.ts";
import { measureSurvey } from "../measure/measure-survey.ts";
import type { MeasuredAngles } from "./anchor.ts";
import { componentsOf } from "./targets.ts";

/** A measured number as an input: asinh of it by `scale`; `missing` stands where there is none. */
interface NumberInput {
  name: string;
  scale: number;
  missing: number;
}

/** Which inputs a head has, in order: features, numbers, angles as two each, flags. */
export interface InputPlan {
  /** Feature set, its encoder and weights; null: measured numbers alone. */
  features: { name: string; model: string; weightsHash: string; dim: number } | null;
  /** Table of measurements; null: features alone. */
  table: string | null;
  numbers: NumberInput[];
  angles: string[];
  /** Angles that are read as their turn from the first of `angles`, two inputs each. Heads of before have none. */
  turns?: string[];
  flags: number[];
}

/** Inputs of all objects of a survey, [count, width]. */
export interface ParameterInputs {
  plan: InputPlan;
  width: number;
  values: Float32Array;
  /** Objects of which nothing could be measured, or whose features are all 0. */
  lacking: Uint8Array;
  /** The plan's angles of each object. One that is read as a turn is the first angle where it is missing. */
  anglesDeg: MeasuredAngles;
}

/** Places and the sky say nothing of the galaxy; angles and flags are read otherwise. */
const NOT_READ = /^(x|y|flags|position_angle|adaptive_angle|sky.*)$/;
const FLAGS_READ = [FLAGS.BLENDED, FLAGS.TRUNCATED, FLAGS.LOW_SNR, FLAGS.OFF_CENTRE, FLAGS.MASKED, FLAGS.UNRESOLVED];

/** A survey's table of measurements by name. Throws PREDICTIONS_UNKNOWN. */
function measuredTable(survey: Survey, name: string) {
  const set = listPredictions(survey.folder, survey.header.dataHash).find(
    (one) => one.name === name && one.task === "measure",
  );
  if (set === undefined)
    throw new SkyloopError(
      "PREDICTIONS_UNKNOWN",
      `survey ${survey.folder} has no measurements called ${name}; run \`skyloop measure ${survey.folder}\``,
    );
  const names = set.columns.map((column) => column.name);
  const { values } = readPredictions(survey.folder, set);
  const columnAt = (wanted: string) => {
    const at = names.indexOf(wanted);
    if (at < 0)
      throw new SkyloopError(
        "BAD_HEAD",
        `the head reads ${wanted}, which the measurements ${name} of ${survey.folder} do not have: they are of other bands, or were made before there was such a number; measure it again (\`skyloop measure ${survey.folder} --name ${name}\`)`,
      );
    return (row: number) => values[row * names.length + at];
  };
  return { names, columnAt };
}

/** How the numbers of a table are read, by the objects of `rows`. */
function planNumbers({ names, columnAt }: ReturnType<typeof measuredTable>, rows: readonly number[]): NumberInput[] {
  return names
    .filter((name) => !NOT_READ.test(name))
    .map((name) => {
      const of = columnAt(name);
      const finite = Float64Array.from(rows, of).filter(Number.isFinite);
      const middle = (values: Float64Array) => (values.length === 0 ? 0 : values.slice().sort()[values.length >> 1]);
      return { name, scale: middle(finite.map(Math.abs)) || 1, missing: middle(finite) };
    });
}

/** What is asked of the inputs of a training. */
export interface InputRequest {
  /** Encoder and feature set; null: measured numbers alone. */
  features: { model: string; name: string } | null;
  /** Table of measurements, made where it is missing; null: features alone. */
  table: string | null;
  progress: Progress;
}

/** The plan of inputs for a training on `rows`. Measures and embeds the survey where that is missing. */
export async function planInputs(
  survey: Survey,
  { features, table, progress }: InputRequest,
  rows: readonly number[],
): Promise<InputPlan> {
  const plan: InputPlan = { features: null, table, numbers: [], angles: [], flags: [] };
  if (features !== null) {
    const read = await featuresFor(survey.folder, features.model, features.name, progress);
    plan.features = { ...features, weightsHash: read.weightsHash, dim: read.dim };
    read.close();
  }
  if (table !== null) {
    await measuredFor(survey, table, progress);
    const measured = measuredTable(survey, table);
    plan.numbers = planNumbers(measured, rows);
    plan.angles = measured.names.filter((name) => name === "position_angle");
    plan.turns = measured.names.filter((name) => name === "adaptive_angle");
    plan.flags = FLAGS_READ.map(([bit]) => bit);
  }
  return plan;
}

/** Measures a survey where it has no such table for its present catalogue. */
async function measuredFor(survey: Survey, name: string, progress: Progress): Promise<void> {
  const { folder, header } = survey;
  if (listPredictions(folder, header.dataHash).some((set) => set.name === name)) return;
  await measureSurvey(folder, { name, progress });
}

/** Inputs of an object by a plan: how many. */
export function widthOf({ features, numbers, angles, turns = [], flags }: InputPlan): number {
  return (features?.dim ?? 0) + numbers.length + 2 * (angles.length + turns.length) + flags.length;
}

/** The inputs of all objects by a plan. Throws OTHER_WEIGHTS, BAD_HEAD, PREDICTIONS_UNKNOWN. */
export async function readInputs(survey: Survey, plan: InputPlan, progress: Progress): Promise<ParameterInputs> {
  const width = widthOf(plan);
  const values = new Float32Array(survey.count * width);
  const lacking = new Uint8Array(survey.count);
  let anglesDeg: MeasuredAngles = new Map();
  if (plan.features !== null) await addFeatures(survey, plan.features, { width, values, lacking }, progress);
  if (plan.table !== null) {
    await measuredFor(survey, plan.table, progress);
    const table = measuredTable(survey, plan.table);
    anglesDeg = anglesIn(survey, plan, table);
    addNumbers(survey, plan, table, anglesDeg, { width, values, lacking });
  }
  return { plan, width, values, lacking, anglesDeg };
}

/** A plan's angles of every object. */
function anglesIn(
  { count }: Survey,
  { angles, turns = [] }: InputPlan,
  { columnAt }: ReturnType<typeof measuredTable>,
): MeasuredAngles {
  const read = new Map<string, Float64Array>();
  for (const name of [...angles, ...turns]) {
    const of = columnAt(name);
    const first = turns.includes(name) ? read.get(angles[0]) : undefined;
    read.set(
      name,
      Float64Array.from({ length: count }, (_, row) =>
        Number.isFinite(of(row)) ? of(row) : (first?.[row] ?? Number.NaN),
      ),
    );
  }
  return read;
}

type Into = Pick<ParameterInputs, "width" | "values" | "lacking">;

async function addFeatures(
  survey: Survey,
  { model, name, weightsHash, dim }: NonNullable<InputPlan["features"]>,
  { width, values, lacking }: Into,
  progress: Progress,
): Promise<void> {
  const read = await featuresFor(survey.folder, model, name, progress);
  try {
    if (read.weightsHash !== weightsHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `the head reads features of ${model} with weights ${weightsHash.slice(0, 12)}, ${survey.folder} has them with ${read.weightsHash.slice(0, 12)}; embed it with the same weights, or train the head again`,
      );
    const matrix = read.matrix();
    for (let row = 0; row < survey.count; row++) {
      const own = matrix.subarray(row * dim, (row + 1) * dim);
      values.set(own, row * width);
      if (own.every((value) => value === 0)) lacking[row] = 1;
    }
  } finally {
    read.close();
  }
}

function addNumbers(
  survey: Survey,
  plan: InputPlan,
  { columnAt }: ReturnType<typeof measuredTable>,
  anglesDeg: MeasuredAngles,
  { width, values, lacking }: Into,
): void {
  const numbers = plan.numbers.map(({ name, scale, missing }) => ({ of: columnAt(name), scale, missing }));
  const angleAt = (name: string, row: number) => anglesDeg.get(name)?.[row] ?? Number.NaN;
  const turnsOf = (row: number) => (plan.turns ?? []).map((name) => angleAt(name, row) - angleAt(plan.angles[0], row));
  const flags = columnAt("flags");
  const nothing = FLAGS.NO_SOURCE[0] | FLAGS.BLANK[0] | FLAGS.UNREADABLE[0];
  for (let row = 0; row < survey.count; row++) {
    let at = row * width + (plan.features?.dim ?? 0);
    for (const { of, scale, missing } of numbers) {
      const value = of(row);
      values[at++] = Math.asinh((Number.isFinite(value) ? value : missing) / scale);
    }
    for (const value of [...plan.angles.map((name) => angleAt(name, row)), ...turnsOf(row)]) {
      const [sin, cos] = Number.isFinite(value) ? componentsOf(value) : [0, 0];
      values[at++] = sin;
      values[at++] = cos;
    }
    for (const bit of plan.flags) values[at++] = (flags(row) & bit) === 0 ? 0 : 1;
    if ((flags(row) & nothing) !== 0) lacking[row] = 1;
  }
}
