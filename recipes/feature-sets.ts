/**
 * What other features, or several sets side by side, give a search: EFIGI's targets hunted from five positives, a hundred
 * answers, with each of the sets that are named.
 *
 * Command: bin/skyloop recipe feature-sets [--data ../shared/data] [--survey FOLDER] [--draws 20]
 *          [--sets lvm-nano,lvm-nano-rings,lvm-nano+lvm-nano-rings] [--work runs/feature-sets]
 * Time: a minute a set for 20 draws on two cores without GPU; each hunt is kept and a stopped run resumes. Sets that a
 * survey does not have are computed where they are released encoders; `+` puts sets side by side.
 * Expected: a table of finds and held-out AUPR a target and set, and of finds beside the first set's, draw by draw.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { terminalProgress } from "../src/base/progress.ts";
import { type Hunt, hunt, huntGround } from "../src/evaluate/hunt.ts";
import { featureSpace, LEARNER_VERSION } from "../src/loop/learn.ts";
import { openFeatures } from "../src/store/features.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { kept } from "./common/cells.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, middle, spread } from "./common/tables.ts";
import { HUNT_TARGETS, type HuntSet, huntSet } from "./hunt/targets.ts";

const HUNT = { strategy: "loop", start: 5, show: 20, rounds: 5, alpha: 0.9, errors: 0 } as const;
const TARGETS = HUNT_TARGETS.filter(({ set }) => set === "efigi");

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    survey: { type: "string" },
    sets: { type: "string", default: "lvm-nano,lvm-nano-rings,lvm-nano+lvm-nano-rings" },
    draws: { type: "string", default: "20" },
    work: { type: "string", default: "runs/feature-sets" },
  },
});
const folder = flags.survey ?? (await publicSurvey(flags.data, flags.work, "efigi"));
const sets = flags.sets.split(",").map((name) => ({ name, parts: name.split("+") }));

for (const model of new Set(sets.flatMap(({ parts }) => parts)))
  if (!existsSync(join(folder, "features", model, "features.json")))
    await embedSurvey(folder, { model, progress: terminalProgress(`features of ${model}`, "stamps") });

/** The columns of several sets side by side, [count, sum of widths]; each column is standardised by the learner. */
function sideBySide(models: string[]) {
  const features = models.map((model) => openFeatures(folder, model));
  const dim = features.reduce((sum, one) => sum + one.dim, 0);
  const joined = new Float32Array(features[0].count * dim);
  let from = 0;
  for (const one of features) {
    const [values, width] = [one.matrix(), one.dim];
    for (let row = 0; row < one.count; row++)
      joined.set(values.subarray(row * width, (row + 1) * width), row * dim + from);
    from += width;
    one.close();
  }
  return featureSpace(joined, dim);
}

/** Hunts of a target with a set, one a draw; each is kept. */
async function hunts(set: HuntSet, name: string, target: string, means: string): Promise<Hunt[]> {
  const found: Hunt[] = [];
  for (let seed = 1; seed <= Number(flags.draws); seed++)
    found.push(
      await kept(
        join(flags.work, "hunts", `${target}-${name}-${seed}.json`),
        { ...HUNT, means, data: set.key, seed, version: 2, learner: LEARNER_VERSION },
        () => hunt(huntGround(set.space, set.objects, { heldOutShare: 0.5, share: null, seed }), { ...HUNT, seed }),
      ),
    );
  return found;
}

const spaces = sets.map(({ parts }) => sideBySide(parts));
const rows: string[][] = [];
for (const target of TARGETS) {
  const known = await Promise.all(sets.flatMap(({ parts }) => parts).map((model) => huntSet(folder, target, model)));
  const keyOf = (parts: string[]) =>
    parts.map((part) => known[sets.flatMap((set) => set.parts).indexOf(part)].key).join(" + ");
  const { objects } = known[0];
  const base = objects.filter(({ positive }) => positive).length / objects.length;
  let first: number[] = [];
  for (const [i, { name, parts }] of sets.entries()) {
    const done = await hunts({ objects, space: spaces[i], key: keyOf(parts) }, name, target.name, target.means);
    const last = done.map(({ rounds }) => rounds[rounds.length - 1]);
    const finds = last.map(({ found }) => found);
    if (i === 0) first = finds;
    const { median, low, high } = middle(finds);
    const ratios = finds.map((count, draw) => count / Math.max(1, first[draw]));
    const { mean, sd } = spread(ratios);
    const aupr = spread(last.map((round) => round.aupr));
    rows.push([
      i === 0 ? `**${target.name}** (${target.means}), base ${base.toFixed(3)}` : "",
      name,
      `${median.toFixed(0)} (${low.toFixed(0)}-${high.toFixed(0)}) of ${done[0].toFind}`,
      i === 0 ? "1" : `${mean.toFixed(2)} +- ${(sd / Math.sqrt(ratios.length)).toFixed(2)}`,
      `${aupr.mean.toFixed(3)} +- ${aupr.sd.toFixed(3)}`,
      String(Math.min(...finds)),
    ]);
  }
}
process.stdout.write(
  `${markdown(["target", "features", `found among ${HUNT.show * HUNT.rounds} shown`, `beside ${sets[0].name}`, "held-out AUPR", "worst draw"], rows)}

${flags.draws} draws of five positives and of halves; loop, alpha ${HUNT.alpha}, pages of ${HUNT.show}. Found: median and 16 to 84 %; beside the first set: mean of the draws' ratios and its error.
`,
);
