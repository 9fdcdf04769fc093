/**
 * Section 5.3 of the paper at its size: a simulated population of 201,319 galaxies as large on the sky as its sample,
 * with rare kinds of 1 and 0.1 %; hunts for them from five positives, and what the loop costs at that size.
 *
 * Command: bin/skyloop recipe population [--count 201319] [--draws 5] [--work runs/population] [--minutes 600]
 * Time: about 3 hours on two cores without GPU for 201,319 galaxies, most of it drawing and encoding, which
 * --minutes stops and the same command resumes; 4 minutes for 5,000.
 * Expected: the survey below 2 GB, first pages below a second, full rankings below a minute, rounds that replay bit for
 * bit. It says how the loop does at this size, and nothing about real galaxies: the same simulator taught the encoder.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SkyloopError } from "../src/base/errors.ts";
import { terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import { type HuntStrategy, hunt, huntGround } from "../src/evaluate/hunt.ts";
import { LEARNER_VERSION } from "../src/loop/learn.ts";
import { replaySession } from "../src/loop/replay.ts";
import { addLabels, createSession } from "../src/loop/session.ts";
import { Workbench } from "../src/loop/workbench.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { sharesWith, simulateSurvey } from "../src/survey/simulate/index.ts";
import { embedSurvey } from "../src/tasks/embed/embed.ts";
import { kept } from "./common/cells.ts";
import { markdown, middle } from "./common/tables.ts";

const MODEL = "lvm-nano";
const SEED = 1;
const [START, SHOW, ROUNDS, ALPHA] = [5, 20, 10, 0.9];
/** A bright galaxy sample: lenses are one in a thousand, mergers and rings one in a hundred. */
const SHARES = { lens: 0.001, merger: 0.01, ring: 0.01, spiral: 0.35, barred_spiral: 0.18, irregular: 0.03 };
const STAMP = { sizePx: 192, radiusArcsec: [6.4, 9.6] as [number, number] };
/** With fewer of a kind a hunt for it says nothing. */
const FEWEST = 20;
const TARGETS = [
  { name: "face-on spiral", is: (columns: Record<string, unknown>) => columns.faceOnSpiral === true },
  ...["barred_spiral", "merger", "ring", "lens"].map((label) => ({
    name: label.replace("_", " "),
    is: (columns: Record<string, unknown>) => columns.label === label,
  })),
];
const ARMS: { name: string; strategy: HuntStrategy }[] = [
  { name: `loop, alpha ${ALPHA}`, strategy: "loop" },
  { name: "highest only", strategy: "highest" },
  { name: "cosine", strategy: "cosine" },
];

const { values: flags } = parseArgs({
  options: {
    count: { type: "string", default: "201319" },
    draws: { type: "string", default: "5" },
    work: { type: "string", default: "runs/population" },
    minutes: { type: "string", default: "600" },
  },
});
const [count, draws] = [Number(flags.count), Number(flags.draws)];
const until = performance.now() + Number(flags.minutes) * 60_000;
const folder = join(flags.work, `galaxies-${count}`);

/** Bytes of all files below a folder. */
const bytesBelow = (path: string): number =>
  readdirSync(path, { withFileTypes: true }).reduce(
    (sum, entry) =>
      sum + (entry.isDirectory() ? bytesBelow(join(path, entry.name)) : statSync(join(path, entry.name)).size),
    0,
  );

/** The survey and its features; null where the time was up first. */
async function prepare(): Promise<boolean> {
  if (!existsSync(join(folder, "survey.json")))
    await simulateSurvey(folder, {
      ...STAMP,
      count,
      seed: SEED,
      shares: sharesWith(SHARES),
      keep: "none",
      progress: terminalProgress("catalogue", "galaxies"),
      command: "recipe population",
    });
  const stop = new AbortController();
  const alarm = setTimeout(() => stop.abort(), Math.max(1, until - performance.now()));
  try {
    await embedSurvey(folder, {
      model: MODEL,
      progress: terminalProgress("drawing and encoding", "galaxies"),
      signal: stop.signal,
    });
  } catch (error) {
    if (error instanceof SkyloopError && error.code === "ABORTED") return false;
    throw error;
  } finally {
    clearTimeout(alarm);
  }
  return !stop.signal.aborted;
}

/** A session as the page would have it, answered by the truth: what its rounds cost, and whether they replay. */
async function runSession(bench: Workbench, target: (typeof TARGETS)[number]) {
  const { store, survey, ids } = bench;
  const truth = ids.map((_, row) => target.is(survey.row(row).columns));
  const wanted = ids.filter((_, row) => truth[row]);
  const { space, weightsHash } = await bench.features(MODEL);
  const about = { name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf };
  const positive = new Random(SEED)
    .fork("start")
    .sample(wanted.length, START)
    .map((i) => wanted[i]);
  const wish = { survey: survey.name, model: MODEL, target: target.name, alpha: ALPHA, pageSize: SHOW, randomPicks: 0 };
  const session = await createSession(store, about, weightsHash, {
    ...wish,
    seed: SEED,
    who: "recipe",
    positive,
    negative: [],
  });
  const first: number[] = [];
  const whole: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const began = performance.now();
    let seen: number | null = null;
    const { page, seconds } = await bench.round(session, {
      onPage: () => {
        seen ??= (performance.now() - began) / 1000;
      },
    });
    first.push(seen ?? seconds);
    whole.push(seconds);
    const labels = page.picks.map(({ object }) => ({
      object,
      value: truth[survey.indexOf(object) ?? -1] ? ("positive" as const) : ("negative" as const),
    }));
    await addLabels(store, about, session, { who: "recipe", labels });
  }
  const replayed = await replaySession(store, survey, space, session);
  return { first, whole, same: replayed.filter(({ same }) => same).length, rounds: replayed.length };
}

/** What hunts for each target found. */
async function huntAll(bench: Workbench): Promise<string[][]> {
  const { survey } = bench;
  const { space, weightsHash } = await bench.features(MODEL);
  const rows: string[][] = [];
  for (const target of TARGETS) {
    const objects = Array.from({ length: survey.count }, (_, row) => ({
      row,
      positive: target.is(survey.row(row).columns),
    }));
    const positives = objects.filter(({ positive }) => positive).length;
    const base = positives / objects.length;
    if (positives < FEWEST) {
      rows.push([`**${target.name}**, base ${base.toFixed(4)}`, `only ${positives} of them`, ...Array(6).fill("")]);
      continue;
    }
    for (const [i, { name, strategy }] of ARMS.entries()) {
      const hunts = [];
      for (let seed = 1; seed <= draws; seed++)
        hunts.push(
          await kept(
            join(flags.work, "hunts", `${count}-${target.name}-${strategy}-${seed}.json`),
            { weightsHash, version: 2, learner: LEARNER_VERSION },
            () =>
              hunt(huntGround(space, objects, { heldOutShare: 0.25, share: null, seed }), {
                strategy,
                start: START,
                show: SHOW,
                rounds: ROUNDS,
                alpha: ALPHA,
                errors: 0,
                seed,
              }),
          ),
        );
      const last = hunts.map(({ rounds }) => rounds[rounds.length - 1]);
      const precision = hunts.map(
        ({ rounds }) => rounds.reduce((sum, { positives }) => sum + positives, 0) / (SHOW * ROUNDS),
      );
      const { median, low, high } = middle(last.map(({ found }) => found));
      rows.push([
        i === 0 ? `**${target.name}**, base ${base.toFixed(4)}` : "",
        name,
        middle(precision).median.toFixed(2),
        (middle(precision).median / base).toFixed(1),
        `${median.toFixed(0)} (${low.toFixed(0)}-${high.toFixed(0)}) of ${hunts[0].toFind}`,
        middle(last.map(({ aupr }) => aupr)).median.toFixed(2),
        middle(last.map(({ atN }) => atN)).median.toFixed(2),
        String(Math.min(...last.map(({ found }) => found))),
      ]);
    }
  }
  return rows;
}

if (await prepare()) {
  const bench = await Workbench.open(folder, openSurvey);
  const cost = await runSession(bench, TARGETS[0]);
  const rss = process.resourceUsage().maxRSS / 2 ** 20;
  const rows = await huntAll(bench);
  await bench.close();
  const most = (values: number[]) => Math.max(...values);
  const costs = [
    ["survey on disk, with features and sessions", "below 2 GB", `${(bytesBelow(folder) / 2 ** 30).toFixed(2)} GiB`],
    ["slowest first page of ten rounds", "below 1 s", `${most(cost.first).toFixed(2)} s`],
    ["slowest full ranking", "below 60 s", `${most(cost.whole).toFixed(1)} s`],
    ["memory of the process", "below 1 GB", `${rss.toFixed(2)} GiB`],
    ["rounds that replay bit for bit", "all", `${cost.same} of ${cost.rounds}`],
  ];
  process.stdout.write(
    `${count.toLocaleString("en")} simulated galaxies of ${STAMP.sizePx} px, half-light radii of ${STAMP.radiusArcsec.join(" to ")} arcsec, drawn when asked for; seed ${SEED}.\n\n${markdown(["what", "goal", "measured"], costs)}\n\nHunts from ${START} positives, ${ROUNDS} pages of ${SHOW}, ${draws} draws (medians); a quarter of the galaxies is held out and measured on.\n\n${markdown(["target", "pages by", "precision shown", "lift", "found", "held-out AUPR", "precision at N", "found, worst draw"], rows)}\n`,
  );
} else {
  process.stderr.write("not all galaxies are encoded yet; the same command resumes\n");
  process.exitCode = 3;
}
