/**
 * One normal distribution or three in the heads of parameters: errors, CRPS and intervals of numbers that can be one thing
 * or another, of EFIGI's galaxies and of simulated ones.
 *
 * Command: bin/skyloop recipe components [--data ../shared/data] [--seeds 5] [--components 3] [--count 4000]
 *          [--efigi runs/parameters] [--simulated runs/parameters-simulated] [--model lvm-nano]
 * Time: about half a processor minute a seed, without GPU, plus features and measurements where the recipes parameters and
 * parameters-simulated have not made them; a stopped run goes on.
 * Expected: with three components CRPS falls by 9 % for EFIGI's B/T, 6 % for T, 18 % for simulated B/T and 1 % for the Sersic
 * index; 90 % intervals hold 91 to 92 % either way and are narrower (table of 5 seeds in docs/results/parameters.md).
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SILENT } from "../src/base/progress.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { DEFAULT_ENSEMBLE } from "../src/train/parameters/train-ensemble.ts";
import { type ParameterResult, trainParameters } from "../src/train/parameters/train-parameters.ts";
import { kept } from "./common/cells.ts";
import { publicSurvey, simulatedGalaxies } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    efigi: { type: "string", default: "runs/parameters" },
    simulated: { type: "string", default: "runs/parameters-simulated" },
    count: { type: "string", default: "4000" },
    components: { type: "string", default: "3" },
    model: { type: "string", default: "lvm-nano" },
    seeds: { type: "string", default: "5" },
  },
});
const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);

/** A survey with the columns that are learned from it, and its folder of kept results. */
interface Source {
  what: string;
  folder: string;
  work: string;
  columns: string[];
  missingOf: Record<string, number[]>;
}
const SOURCES: Source[] = [
  {
    what: "EFIGI",
    folder: await publicSurvey(flags.data, flags.efigi, "efigi", "auto"),
    work: flags.efigi,
    columns: ["Bulge_to_Total", "T"],
    missingOf: { Bulge_to_Total: [-1], T: [] },
  },
  {
    what: "simulated",
    folder: await simulatedGalaxies(flags.simulated, Number(flags.count)),
    work: flags.simulated,
    columns: ["bulgeToTotal", "sersicN"],
    missingOf: {},
  },
];

/** Cells that were made in another way, by older code, are made again. */
const VERSION = 1;

async function trained(source: Source, components: number, seed: number): Promise<ParameterResult[]> {
  const { folder, work, columns, missingOf } = source;
  const survey = await openSurvey(folder);
  const { dataHash } = survey.header;
  survey.close();
  const about = {
    columns,
    components,
    seed,
    model: flags.model,
    dataHash,
    settings: DEFAULT_ENSEMBLE,
    version: VERSION,
  };
  return kept(join(work, "cells", `components-${components}-${seed}-${flags.model}.json`), about, async () => {
    const out = join(work, "head");
    rmSync(out, { recursive: true, force: true });
    const { parameters } = await trainParameters(folder, {
      columns,
      missing: null,
      missingOf,
      circular: [],
      features: { model: flags.model, name: flags.model },
      table: "measured",
      out,
      name: "recipe",
      ensemble: { seed, components },
      command: "recipe components",
      progress: SILENT,
    });
    return parameters;
  });
}

const rows: string[][] = [];
for (const source of SOURCES) {
  const found = new Map<number, ParameterResult[][]>();
  for (const components of [1, Number(flags.components)]) {
    const all = [];
    for (const seed of seeds) all.push(await trained(source, components, seed));
    found.set(components, all);
  }
  for (const [k, column] of source.columns.entries())
    for (const [components, all] of found) {
      const of = (value: (one: ParameterResult) => number, digits: number) =>
        shown(spread(all.map((parameters) => value(parameters[k]))), digits);
      const held = (one: ParameterResult, share: number) => one.coverage?.find(({ level }) => level === share);
      const third = (at: number) => of((one) => held(one, 0.9)?.thirds[at] ?? Number.NaN, 2);
      rows.push([
        `${source.what} ${column}`,
        String(components),
        of(({ scores }) => scores.rmse, 3),
        of(({ scores }) => scores.nmad, 3),
        of(({ scores }) => scores.crps, 4),
        of((one) => held(one, 0.68)?.all ?? Number.NaN, 3),
        of((one) => held(one, 0.9)?.all ?? Number.NaN, 3),
        [0, 1, 2].map(third).join(", "),
        of((one) => held(one, 0.9)?.meanWidth ?? Number.NaN, 3),
      ]);
    }
}
const header = [
  "number",
  "components",
  "RMSE",
  "NMAD",
  "CRPS",
  "68 % hold",
  "90 % hold",
  "90 %: narrow, middle, wide third",
  "mean width of 90 %",
];
process.stdout.write(
  `${markdown(header, rows)}\n\n${seeds.length} seeds, features of ${flags.model} and measured numbers; a fifth of the galaxies are test objects, the same for both.\n`,
);
