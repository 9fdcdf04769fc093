/** Suites of probes: one file names questions to real data, one call answers them all for one set of features. */
import { z } from "zod";
import { SkyloopError } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { type ProbeResult, probe } from "./probe.ts";
import { HEADS, type HeadName } from "./probe-heads.ts";

/** A question with known answers, asked of features by `skyloop probe --suites`. */
const Suite = z.strictObject({
  name: z.string(),
  /** Survey folders, relative to the working directory. */
  surveys: z.array(z.string()).min(1),
  /** One column for all surveys or one for each; `@survey` asks which survey an object is from. */
  columns: z.array(z.string()).min(1),
  positive: z.array(z.string()).default([]),
  negative: z.array(z.string()).default([]),
  /** Examples a class; 0 for all. */
  sizes: z.array(z.int().min(0)).min(1),
  heads: z.array(z.enum(Object.keys(HEADS) as [HeadName, ...HeadName[]])).min(1),
});

/** A question with known answers, asked of features by `skyloop probe --suites`. */
export type Suite = z.infer<typeof Suite>;

/** Reads a file of suites. Throws BAD_RECIPE naming each fault. */
export function readSuites(path: string): Suite[] {
  const parsed = z.array(Suite).min(1).safeParse(readJson(path));
  if (!parsed.success)
    throw new SkyloopError("BAD_RECIPE", `${path}: ${z.prettifyError(parsed.error).replaceAll("\n", "; ")}`);
  return parsed.data;
}

/** The answers to one suite. */
export interface SuiteResult {
  suite: string;
  result: ProbeResult;
}

/** Runs every suite. Throws what `probe` throws. */
export async function runSuites(
  suites: Suite[],
  options: { model: string; seeds: number; splitSeed: number; progress: Progress },
): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  for (const { name, ...suite } of suites) {
    results.push({ suite: name, result: await probe({ ...suite, ...options, progress: { update() {}, end() {} } }) });
    options.progress.update(results.length, suites.length, name);
  }
  options.progress.end();
  return results;
}

/** One row a suite and number of examples: AUPR of the head for two classes, accuracy and macro F1 for more. */
export function suitesTable(results: SuiteResult[]): string {
  const show = ({ mean, sd }: { mean: number; sd: number }) => `${mean.toFixed(3)} +- ${sd.toFixed(3)}`;
  const rows = results.flatMap(({ suite, result }) => {
    const two = result.classes.length === 2;
    const probes = result.results.map(
      ({ perClass, head, ...measures }) =>
        `| ${suite} | ${perClass === "all" ? "all" : `${perClass} a class`} | ${head} | ${two ? show(measures.aupr) : "-"} | ${show(measures.auroc)} | ${show(measures.accuracy)} | ${show(measures.macroF1)} |`,
    );
    const loop =
      result.loop === null
        ? []
        : [
            `| ${suite} | 5 + 5 and a round of 10 | loop | ${show(result.loop.aupr)} | - | - | - |`,
            `| ${suite} | 5 + 5 and 10 at random | loop | ${show(result.loop.atRandom)} | - | - | - |`,
          ];
    return [...probes, ...loop];
  });
  return [
    "| suite | examples | head | AUPR | AUROC | accuracy | macro F1 |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}
