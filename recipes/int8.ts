/**
 * What features in eight bits cost a search: the same draws learned from and measured on float32 features and on the same
 * features stored in eight bits (src/store/int8-features.ts).
 *
 * Command: bin/skyloop recipe int8 [--data ../shared/data] [--work runs/hunt] [--model lvm-nano] [--draws 20]
 *          [--hunts 5]
 * Time: 13 minutes on two busy cores without GPU, plus features where they are missing.
 * Expected: the mean difference in AUPR after the same labels is below 0.003 for every target; after ten rounds the pages
 * have differed, and the difference is that of two searches (table in docs/results/int8.md).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { terminalProgress } from "../src/base/progress.ts";
import { eightBitRows, encoded } from "../src/base/row-matrix.ts";
import { type HuntRound, hunt, huntGround } from "../src/evaluate/hunt.ts";
import { type FeatureSpace, featureSpace } from "../src/loop/learn.ts";
import { eightBitsFor } from "../src/store/int8-features.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { learnedAupr } from "./common/aupr.ts";
import { publicSurvey } from "./common/surveys.ts";
import { markdown, shown, spread } from "./common/tables.ts";
import { drawOf, HUNT_TARGETS, type HuntSet, huntSet } from "./hunt/targets.ts";

const SETS = ["efigi", "galaxy10_decals"];
const PAGE = { start: 5, show: 20, strategy: "loop", alpha: 0.9, errors: 0 } as const;
/** Rounds of those draws that are searched to the end. */
const ROUNDS = 10;
/** Labels of either kind of the larger draw. */
const EACH = 50;

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/hunt" },
    model: { type: "string", default: "lvm-nano" },
    draws: { type: "string", default: "20" },
    hunts: { type: "string", default: "5" },
  },
});
const seeds = Array.from({ length: Number(flags.draws) }, (_, i) => i + 1);

/** The same space with its features in eight bits. */
function inEightBits({ matrix, count, dim }: FeatureSpace): FeatureSpace {
  const values = matrix.rows(0, count);
  const code = eightBitsFor(values, dim);
  return featureSpace(eightBitRows(encoded(values, code), dim, code), dim);
}

/** AUPR from 50 + 50 labels, on the objects that were not drawn. */
function fromLabels(set: HuntSet, space: FeatureSpace, seed: number): number {
  const examples = [true, false].flatMap((kind) => drawOf(set, kind, EACH, seed));
  const drawn = new Set(examples.map(({ row }) => row));
  const rest = set.objects.filter(({ row }) => !drawn.has(row));
  return learnedAupr(
    space,
    examples,
    rest.map(({ row, positive }) => ({ row, label: Number(positive) })),
    seed,
  );
}

const rows: string[][] = [];
const widths = new Set<number>();
const targets = HUNT_TARGETS.filter(({ set }) => SETS.includes(set));
const told = terminalProgress("draws", "draws");
for (const [t, target] of targets.entries()) {
  const folder = await publicSurvey(flags.data, flags.work, target.set);
  if (!existsSync(join(folder, "features", flags.model, "features.json")))
    await embedSurvey(folder, { model: flags.model, progress: terminalProgress(target.set, "stamps") });
  const set = await huntSet(folder, target, flags.model);
  const spaces = [set.space, inEightBits(set.space)];
  widths.add(set.space.dim);
  const positives = set.objects.filter(({ positive }) => positive).length;
  const found = seeds.map((seed) => {
    told.update(t * seeds.length + seed, targets.length * seeds.length);
    const search = (rounds: number): HuntRound[] =>
      spaces.map((space) => {
        const ground = huntGround(space, set.objects, { heldOutShare: 0.5, share: null, seed });
        return hunt(ground, { ...PAGE, rounds, seed }).rounds[rounds];
      });
    return {
      first: search(0).map(({ aupr }) => aupr),
      labels: positives >= 2 * EACH ? spaces.map((space) => fromLabels(set, space, seed)) : null,
      last: seed <= Number(flags.hunts) ? search(ROUNDS) : null,
    };
  });
  /** What float32 gives, and what eight bits give more or less, over the draws that have both. */
  const cells = (pairs: (number[] | null | undefined)[], digits: number) => {
    const there = pairs.filter((pair) => pair != null);
    if (there.length === 0) return ["-", "-"];
    return [
      shown(spread(there.map(([float]) => float)), digits),
      shown(spread(there.map(([float, eight]) => eight - float)), digits + 1),
    ];
  };
  rows.push([
    target.name,
    (positives / set.objects.length).toFixed(3),
    ...cells(
      found.map(({ first }) => first),
      3,
    ),
    ...cells(
      found.map(({ labels }) => labels),
      3,
    ),
    ...cells(
      found.map(({ last }) => last?.map(({ aupr }) => aupr)),
      3,
    ),
    ...cells(
      found.map(({ last }) => last?.map(({ found: finds }) => finds)),
      1,
    ),
  ]);
}
told.end();
const difference = "int8 less float32";
const header = [
  "target",
  "base rate",
  "5 positives: AUPR",
  difference,
  `${EACH} + ${EACH} labels: AUPR`,
  difference,
  `${ROUNDS} rounds of ${PAGE.show}: AUPR`,
  difference,
  "found",
  difference,
];
process.stdout.write(
  `${markdown(header, rows)}\n\n${seeds.length} draws (${flags.hunts} searched to the end), mean and standard deviation over them; ${flags.model}, ${[...widths].join(", ")} numbers an object. Differences are of the same draw.\n`,
);
