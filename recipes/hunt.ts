/**
 * Hunting with five positives: what is shown, found and missed in ten rounds of twenty, for ten targets of public sets,
 * beside random picks, cosine and "always the highest", thinned to rare targets, and with a person who errs.
 *
 * Command: bin/skyloop recipe hunt [--data ../shared/data] [--draws 20] [--minutes 600] [--work runs/hunt] [--part 1/1]
 *          [--done]
 * Time: about 35 minutes on two cores without GPU, features included; --minutes stops it in time and the same command
 * resumes; --part 1/2 and 2/2 share the draws between two processes of one work folder; --done reports the draws that
 * are whole without doing more.
 * Output: the tables, and every round of every way, rare targets and wrong answers too, as rounds.csv of the work folder.
 * Expected: 3 to 5 times as many finds as random picks for face-on and edge-on spirals, perturbed, ringed and multiple
 * galaxies of EFIGI, 2.3 for bars (table in docs/results/hunt.md).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/base/files.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { type Hunt, type HuntOptions, type HuntStrategy, hunt, huntGround } from "../src/evaluate/hunt.ts";
import { LEARNER_VERSION } from "../src/loop/learn.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { keepCell, keptCell } from "./common/cells.ts";
import { publicSurvey } from "./common/surveys.ts";
import { firstPages } from "./hunt/first-page.ts";
import { type Arm, goalsTable, paperTable, rarityTable, roundsCsv, roundsTable, summaryTable } from "./hunt/report.ts";
import { HUNT_TARGETS, type HuntSet, huntSet } from "./hunt/targets.ts";

const MODEL = "lvm-nano";
const PAGE = { start: 5, show: 20, rounds: 10 } as const;
/** Half is held out, so that both halves are as large as they can be; of a thinned pool a quarter. */
const HELD_OUT = { all: 0.5, thinned: 0.25 } as const;
/** With fewer positives in the pool a thinned target says nothing. */
const FEWEST = 20;
const RARITIES = [0.1, 0.01, 0.001];

const ARMS: { name: string; options: Pick<HuntOptions, "strategy" | "alpha" | "errors"> }[] = [
  { name: "loop, alpha 0.9", options: { strategy: "loop", alpha: 0.9, errors: 0 } },
  { name: "loop, alpha 0.5", options: { strategy: "loop", alpha: 0.5, errors: 0 } },
  { name: "highest only", options: { strategy: "highest", alpha: 0.9, errors: 0 } },
  { name: "cosine", options: { strategy: "cosine", alpha: 0.9, errors: 0 } },
  { name: "random", options: { strategy: "random", alpha: 0.9, errors: 0 } },
  { name: "loop, 5 % wrong answers", options: { strategy: "loop", alpha: 0.9, errors: 0.05 } },
  { name: "loop, 10 % wrong answers", options: { strategy: "loop", alpha: 0.9, errors: 0.1 } },
];
/** Raised where the same options come to choose other pages or to learn otherwise; what is kept of the other ways stays good. */
const VERSIONS: Record<HuntStrategy, number> = { loop: 3, highest: 2, cosine: 1, random: 2 };
const RARE_ARMS = ["loop, alpha 0.9", "highest only", "cosine"];

const { values: flags } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    work: { type: "string", default: "runs/hunt" },
    draws: { type: "string", default: "20" },
    minutes: { type: "string", default: "600" },
    part: { type: "string", default: "1/1" },
    done: { type: "boolean", default: false },
  },
});
const draws = Number(flags.draws);
const [part, parts] = flags.part.split("/").map(Number);
const until = performance.now() + Number(flags.minutes) * 60_000;

/** All hunts that there are to do: a target, how rare it is made (null: as it is), an arm, a draw. */
interface Wanted {
  target: number;
  share: number | null;
  arm: (typeof ARMS)[number];
  seed: number;
}

async function main(): Promise<void> {
  const sets: HuntSet[] = [];
  for (const target of HUNT_TARGETS) {
    const folder = await publicSurvey(flags.data, flags.work, target.set);
    const progress = terminalProgress(`features of ${target.set}`, "stamps");
    if (!existsSync(join(folder, "features", MODEL, "features.json")))
      await embedSurvey(folder, { model: MODEL, progress });
    sets.push(await huntSet(folder, target, MODEL));
  }
  const ground = ({ target, share, seed }: Wanted) =>
    huntGround(sets[target].space, sets[target].objects, {
      heldOutShare: share === null ? HELD_OUT.all : HELD_OUT.thinned,
      share,
      seed,
    });
  const baseOf = (target: number) =>
    sets[target].objects.filter(({ positive }) => positive).length / sets[target].objects.length;
  const possible = (target: number, share: number) => {
    if (share >= baseOf(target)) return false;
    const { pool } = ground({ target, share, arm: ARMS[0], seed: 1 });
    return pool.filter(({ positive }) => positive).length >= FEWEST;
  };
  const all: Wanted[] = [];
  for (let seed = 1; seed <= draws; seed++)
    for (const target of HUNT_TARGETS.keys()) {
      for (const arm of ARMS) all.push({ target, share: null, arm, seed });
      for (const share of RARITIES.filter((one) => possible(target, one)))
        for (const arm of ARMS.filter(({ name }) => RARE_ARMS.includes(name))) all.push({ target, share, arm, seed });
    }
  const pathOf = ({ target, share, arm, seed }: Wanted) =>
    join(flags.work, "hunts", `${target}-${share ?? "all"}-${ARMS.indexOf(arm)}-${seed}.json`);
  const keyOf = ({ target, share, arm, seed }: Wanted) => ({
    options: { ...PAGE, ...arm.options, seed, share },
    means: HUNT_TARGETS[target].means,
    data: sets[target].key,
    version: VERSIONS[arm.options.strategy],
    learner: LEARNER_VERSION,
  });
  const progress = terminalProgress("hunts", "hunts");
  let done = 0;
  for (const wanted of all) {
    done++;
    if (flags.done) break;
    if (wanted.seed % parts !== part % parts || keptCell(pathOf(wanted), keyOf(wanted)) !== null) continue;
    if (performance.now() > until) break;
    keepCell(
      pathOf(wanted),
      keyOf(wanted),
      hunt(ground(wanted), { ...PAGE, ...wanted.arm.options, seed: wanted.seed }),
    );
    progress.update(done, all.length);
  }
  progress.end();
  const there = all.map((wanted) => ({ ...wanted, hunt: keptCell<Hunt>(pathOf(wanted), keyOf(wanted)) }));
  const missing = there.filter(({ hunt }) => hunt === null);
  const seeds = Array.from({ length: draws }, (_, i) => i + 1).filter((seed) =>
    missing.every((one) => one.seed !== seed),
  );
  if (seeds.length === 0 || (missing.length > 0 && !flags.done)) {
    process.stderr.write(`${missing.length} of ${all.length} hunts are still to do; the same command resumes\n`);
    process.exitCode = 3;
    return;
  }
  const found = there.filter(({ seed }) => seeds.includes(seed));
  const armsOf = (target: number, share: number | null): Arm[] =>
    ARMS.map(({ name }) => ({
      name,
      hunts: found.flatMap((one) =>
        one.target === target && one.share === share && one.arm.name === name && one.hunt !== null ? [one.hunt] : [],
      ),
    })).filter(({ hunts }) => hunts.length > 0);
  const targets = HUNT_TARGETS.map(({ name, set, means }, target) => ({
    name,
    set,
    means,
    base: baseOf(target),
    objects: sets[target].objects.length,
    arms: armsOf(target, null),
    rare: RARITIES.map((share) => ({ share, arms: armsOf(target, share) })),
  }));
  writeFileAtomic(join(flags.work, "rounds.csv"), roundsCsv(targets));
  const sections = [
    `${seeds.length} draws of the ${PAGE.start} positives and of the halves; features of ${MODEL}; pages of ${PAGE.show}, none of them random picks. Values are the median of the draws with their 16 to 84 % range.`,
    "## The first ranking: five positives against 100 unlabelled objects",
    await firstPages(join(flags.work, "efigi"), MODEL, draws),
    "## After ten rounds",
    summaryTable(targets),
    "## Goals",
    goalsTable(targets),
    "## Beside the paper",
    paperTable(targets),
    "## Rare targets",
    rarityTable(targets),
    ...targets.flatMap((target) => [`## ${target.name}: round by round`, roundsTable(target)]),
  ];
  process.stdout.write(`${sections.join("\n\n")}\n`);
}

await main();
