/**
 * What else a person's answers can do in a search: a committee and its disagreement, unlabelled objects as weak negatives,
 * features weighed by the answers, and the encoder's last stage fine-tuned after every page, beside the answers alone. EFIGI's
 * targets (or those of other sets) hunted from five positives, a hundred answers.
 *
 * Command: bin/skyloop recipe feedback [--data ../shared/data] [--sets efigi,…] [--draws 20] [--slow-draws 10] [--choose]
 *          [--ways "answers alone,loop,…"] [--work runs/feedback] [--threads 1] [--done]
 * `--choose` compares the strengths of each way on draws of their own (seeds from 101 on, 8 draws and 2 of fine-tuning);
 * without it the chosen ones are reported on draws 1 to 20. Each hunt is kept and a stopped run resumes; `--done` reports
 * what there is.
 * Time: half an hour of one core for the test draws, most of it fine-tuning, and as much for --choose.
 * Expected: a table of finds beside those of the answers alone, draw by draw, and of held-out AUPR (docs/results/feedback.md).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SkyloopError } from "../src/base/errors.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { type Hunt, hunt, huntGround, loopRanker, type RankerOf } from "../src/evaluate/hunt.ts";
import { probeImages } from "../src/evaluate/probe-networks.ts";
import { LEARNER_VERSION } from "../src/loop/learn.ts";
import { type Projection, readProjection } from "../src/models/feature-projection.ts";
import { readingOf } from "../src/models/feature-reader.ts";
import { createModel, loadWeights, releasedWeights } from "../src/models/index.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { setThreads } from "../src/torch/index.ts";
import { keepCell, keptCell } from "./common/cells.ts";
import { publicSurvey } from "./common/surveys.ts";
import { fineTuned, keptNumbers, LastStage, lastInputs } from "./feedback/last-stage.ts";
import { feedbackTable, type HuntedWay, ratioTable } from "./feedback/report.ts";
import { CANDIDATES, CHOSEN, type Way } from "./feedback/table.ts";
import { answersAlone, committee, together, weighedFeatures, withWeakNegatives } from "./feedback/ways.ts";
import { HUNT_TARGETS, type HuntSet, huntSet } from "./hunt/targets.ts";

const MODEL = "lvm-nano";
const HUNT = { strategy: "loop", start: 5, show: 20, rounds: 5, alpha: 0.9, errors: 0 } as const;
/** Draws of --choose: the first, and how many of a way that is fast and of one that is slow. */
const CHOOSING = { first: 101, fast: 8, slow: 2 } as const;

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    sets: { type: "string", default: "efigi" },
    draws: { type: "string" },
    "slow-draws": { type: "string", default: "10" },
    choose: { type: "boolean", default: false },
    ways: { type: "string" },
    work: { type: "string", default: "runs/feedback" },
    threads: { type: "string", default: "1" },
    done: { type: "boolean", default: false },
  },
});
setThreads(Number(flags.threads));
const TARGETS = HUNT_TARGETS.filter(({ set }) => flags.sets.split(",").includes(set));

/** The ways that were asked for by name. */
function waysAsked(): Way[] {
  const all = flags.choose ? CANDIDATES : CHOSEN;
  if (flags.ways === undefined) return all;
  return flags.ways.split(",").map((name) => {
    const found = [...CANDIDATES, ...CHOSEN].find((way) => way.name === name);
    if (found === undefined)
      throw new SkyloopError("BAD_OPTION", `--ways are of ${all.map((way) => way.name).join(", ")}, not ${name}`);
    return found;
  });
}

/** The encoder's last stage with the survey's maps before it, computed once a work folder. */
async function lastStageOf(folder: string): Promise<LastStage> {
  const model = createModel(MODEL);
  const weights = releasedWeights(MODEL);
  const notes = loadWeights(model.eval(), weights);
  const projection = readProjection(weights) as Projection;
  const reading = readingOf(model, notes, projection);
  const survey = await openSurvey(folder);
  const inputs = await keptNumbers(
    join(flags.work, `${survey.header.dataHash.slice(0, 16)}-${MODEL}.f32`),
    async () => {
      const images = await probeImages([survey], reading.sizePx);
      try {
        return lastInputs(model, reading, images);
      } finally {
        images.dispose();
      }
    },
  );
  const views = inputs.length / survey.count / (4 * model.featureDim);
  survey.close();
  return new LastStage(model, projection, inputs, views);
}

/** What ranks in a way's hunts; the last stage is read when the first way needs it. */
function rankerFor({ learns }: Way, stage: () => LastStage): RankerOf {
  switch (learns.by) {
    case "answers":
      return answersAlone;
    case "loop":
      return loopRanker;
    case "committee":
      return committee(learns);
    case "weak negatives":
      return withWeakNegatives(learns);
    case "weighed features":
      return weighedFeatures(learns.prior);
    case "last stage": {
      const tuned = fineTuned(stage(), learns);
      return learns.withLoop ? together(answersAlone, tuned) : tuned;
    }
  }
}

const ways = waysAsked();
const isSlow = ({ learns }: Way) => learns.by === "last stage";
const stages = new Map<string, LastStage>();
const sets: HuntSet[] = [];
for (const target of TARGETS) {
  const folder = await publicSurvey(flags.data, flags.work, target.set);
  if (!existsSync(join(folder, "features", MODEL, "features.json")))
    await embedSurvey(folder, { model: MODEL, progress: terminalProgress(`features of ${target.set}`, "stamps") });
  if (ways.some(isSlow) && !flags.done && !stages.has(target.set)) stages.set(target.set, await lastStageOf(folder));
  sets.push(await huntSet(folder, target, MODEL));
}

/** Draws of a way, by their seeds. */
function seedsOf(way: Way): number[] {
  const [first, fast, few] = flags.choose
    ? [CHOOSING.first, Number(flags.draws ?? CHOOSING.fast), CHOOSING.slow]
    : [1, Number(flags.draws ?? 20), Number(flags["slow-draws"])];
  return Array.from({ length: isSlow(way) ? few : fast }, (_, i) => first + i);
}

/** A hunt by a way, as it was kept or made now; null where only what there is was asked for. */
function huntBy(way: Way, t: number, seed: number): Hunt | null {
  const { space, objects, key } = sets[t];
  const path = join(flags.work, "hunts", `${TARGETS[t].name}-${way.name}-${seed}.json`);
  const made = {
    ...HUNT,
    learns: way.learns,
    means: TARGETS[t].means,
    data: key,
    seed,
    version: 1,
    learner: LEARNER_VERSION,
  };
  const found = keptCell<Hunt>(path, made);
  if (found !== null || flags.done) return found;
  const ground = huntGround(space, objects, { heldOutShare: 0.5, share: null, seed });
  const ranker = rankerFor(way, () => stages.get(TARGETS[t].set) as LastStage);
  return keepCell(path, made, hunt(ground, { ...HUNT, seed, measured: "last" }, undefined, ranker));
}

const told = terminalProgress("hunts", "hunts");
const cells = ways.flatMap((way) => seedsOf(way).flatMap((seed) => TARGETS.map((_, t) => ({ way, seed, t }))));
const hunts = cells.map((cell, i) => {
  const made = huntBy(cell.way, cell.t, cell.seed);
  told.update(i + 1, cells.length);
  return { ...cell, hunt: made };
});
told.end();
for (const stage of stages.values()) stage.dispose();
const table = TARGETS.map(({ name, means }, t) => ({
  name,
  means,
  base: sets[t].objects.filter(({ positive }) => positive).length / sets[t].objects.length,
  ways: ways.map(
    (way): HuntedWay => ({
      name: way.name,
      hunts: new Map(
        hunts.flatMap((one) => (one.way === way && one.t === t && one.hunt ? [[one.seed, one.hunt]] : [])),
      ),
    }),
  ),
}));
process.stdout.write(`${ways.map(({ name, means }) => `- **${name}**: ${means}`).join("\n")}

## Finds beside the answers alone

${ratioTable(table)}

${flags.choose ? "" : `## Finds and held-out ranking\n\n${feedbackTable(table)}\n\n`}Features of ${MODEL}; ${flags.choose ? "draws of their own, from seed 101 on" : "draws from seed 1 on"}; pages of ${HUNT.show}, ${HUNT.show * HUNT.rounds} answers, alpha ${HUNT.alpha}. Ratios are to the same draw's finds from the answers alone: their mean and its error.
`);
