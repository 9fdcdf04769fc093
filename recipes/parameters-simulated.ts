/**
 * How well numbers of simulated galaxies are known beside the truth that they were drawn from. The encoder has seen
 * galaxies of the same simulator: these figures are a check of the instrument, not of what it does on the sky.
 *
 * Command: bin/skyloop recipe parameters-simulated [--seeds 10] [--count 4000] [--work runs/parameters-simulated]
 *          [--model lvm-nano]
 * Time: about 4 minutes on one core without GPU, half of them for images, features and measurements; a stopped run goes on.
 * Expected: magnitude within 0.07 (RMSE); radius within 0.03 dex, axis ratio within 0.025 and B/T within 0.03 (NMAD; RMSE
 * 0.04), angle within 1 degree (median): table in docs/results/parameters.md.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT } from "../src/base/progress.ts";
import { withComputed } from "../src/loop/computed-columns.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { DEFAULT_ENSEMBLE } from "../src/train/parameters/train-ensemble.ts";
import { type ParameterResult, trainParameters } from "../src/train/parameters/train-parameters.ts";
import { kept } from "./common/cells.ts";
import { SIMULATED_SEED, simulatedGalaxies } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    count: { type: "string", default: "4000" },
    work: { type: "string", default: "runs/parameters-simulated" },
    model: { type: "string", default: "lvm-nano" },
  },
});
const count = Number(flags.count);
const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);
const folder = await simulatedGalaxies(flags.work, count);
const survey = await openSurvey(folder);

const rms = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
/** Normalised median absolute deviation: the standard deviation of a normal distribution, whatever its wings. */
const nmad = (values: number[]) => {
  const middle = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)));
};
/** Difference of two angles that are the same after half a turn, in degrees. */
const turned = (from: number, to: number) => ((((from - to) % 180) + 270) % 180) - 90;
const errors = ({ test }: ParameterResult) => test.map(({ truth, mean }) => mean - truth);

/** A figure of a column, and what is asked of it; null: nothing. */
interface Measure {
  column: string;
  what: string;
  most: number | null;
  of: (one: ParameterResult) => number;
}

/** Angles are asked of galaxies that are not round. */
const LONG = 0.8;
const longOf = ({ test }: ParameterResult) =>
  test.filter(({ row }) => Number(survey.column("axisRatio")?.at(row)) < LONG);
const isMerger = ({ row }: { row: number }) => survey.column("label")?.at(row) === "merger";
const withoutMergers = (one: ParameterResult) => ({ ...one, test: one.test.filter((object) => !isMerger(object)) });
const turnsOf = (one: ParameterResult) => longOf(one).map(({ truth, mean }) => turned(mean, truth));
/** The same of a measured angle, where there is one. */
function turnsOfMeasured(one: ParameterResult, name: string): number[] {
  const measured = withComputed(survey).column(`measured.${name}`);
  return longOf(one)
    .map(({ row, truth }) => turned(Number(measured?.at(row) ?? Number.NaN), truth))
    .filter(Number.isFinite);
}
const medianSize = (turns: number[]) => median(turns.map(Math.abs));

/**
 * How each column is judged, and what is asked of it. The axis ratio and B/T that were asked for are robust scatters: of
 * mergers, where two galaxies are in view and the truth is that of one, the RMSE is several times that of the others.
 */
const ASKED: Measure[] = [
  { column: "magR", what: "r magnitude, RMSE", most: 0.09, of: (one) => rms(errors(one)) },
  {
    column: "halfLightRadiusArcsec",
    what: "log10 of the half-light radius, NMAD",
    most: 0.03,
    of: ({ test }) => nmad(test.map(({ truth, mean }) => Math.log10(Math.max(mean, 0.05) / truth))),
  },
  { column: "axisRatio", what: "axis ratio, NMAD", most: 0.025, of: (one) => nmad(errors(one)) },
  { column: "axisRatio", what: "axis ratio, RMSE", most: null, of: (one) => rms(errors(one)) },
  {
    column: "axisRatio",
    what: "axis ratio, RMSE without mergers",
    most: null,
    of: (one) => rms(errors(withoutMergers(one))),
  },
  { column: "bulgeToTotal", what: "bulge to total, NMAD", most: 0.03, of: (one) => nmad(errors(one)) },
  { column: "bulgeToTotal", what: "bulge to total, RMSE", most: null, of: (one) => rms(errors(one)) },
  {
    column: "bulgeToTotal",
    what: "bulge to total, RMSE without mergers",
    most: null,
    of: (one) => rms(errors(withoutMergers(one))),
  },
  {
    column: "positionAngleDeg",
    what: `angle where the axis ratio is below ${LONG}, degrees, median error`,
    most: 2,
    of: (one) => medianSize(turnsOf(one)),
  },
  {
    column: "positionAngleDeg",
    what: "angle, median error without mergers",
    most: null,
    of: (one) => medianSize(turnsOf(withoutMergers(one))),
  },
  {
    column: "positionAngleDeg",
    what: "angle, median error of `adaptive_angle`",
    most: null,
    of: (one) => medianSize(turnsOfMeasured(one, "adaptive_angle")),
  },
  {
    column: "positionAngleDeg",
    what: "angle, median error of `position_angle`",
    most: null,
    of: (one) => medianSize(turnsOfMeasured(one, "position_angle")),
  },
  { column: "positionAngleDeg", what: "angle, NMAD", most: null, of: (one) => nmad(turnsOf(one)) },
];
/** Cells that were made in another way, by older code, are made again. */
const VERSION = 2;
const COLUMNS = [...new Set(ASKED.map(({ column }) => column))];

async function train(seed: number): Promise<ParameterResult[]> {
  const out = join(flags.work, "head");
  rmSync(out, { recursive: true, force: true });
  const { parameters } = await trainParameters(folder, {
    columns: COLUMNS,
    missing: null,
    circular: ["positionAngleDeg"],
    features: { model: flags.model, name: flags.model },
    table: "measured",
    out,
    name: "recipe",
    ensemble: { seed },
    command: "recipe parameters-simulated",
    progress: SILENT,
  });
  return parameters;
}

const results: ParameterResult[][] = [];
for (const seed of seeds) {
  const { dataHash } = survey.header;
  const about = { seed, model: flags.model, dataHash, settings: DEFAULT_ENSEMBLE, version: VERSION };
  results.push(await kept(join(flags.work, "cells", `${seed}-${flags.model}.json`), about, () => train(seed)));
}
const rows = ASKED.map(({ column, what, most, of }) => {
  const found = results.map((parameters) => parameters[COLUMNS.indexOf(column)]);
  const held = found.map(({ coverage }) => coverage?.find(({ level }) => level === 0.9)?.all ?? Number.NaN);
  return [
    what,
    shown(spread(found.map(of)), 3),
    most === null ? "" : String(most),
    ...(most === null ? ["", ""] : [shown(spread(found.map(({ scores }) => scores.r2)), 3), shown(spread(held), 3)]),
  ];
});
process.stdout.write(
  `${markdown(["of simulated galaxies", "error", "asked for", "R2", "90 % intervals hold"], rows)}\n\n${seeds.length} seeds, features of ${flags.model} and measured numbers; ${survey.count} galaxies of the simulator (seed ${SIMULATED_SEED}), a fifth of them test objects.\n`,
);
survey.close();
