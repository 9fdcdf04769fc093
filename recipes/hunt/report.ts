/** The tables of the hunts. Precision never stands without its base rate. */
import type { Hunt } from "../../src/evaluate/hunt.ts";
import { wilsonInterval } from "../../src/measure/ranking.ts";
import { markdown, middle } from "../common/tables.ts";

/** One way to choose pages, and its hunts, one a draw. */
export interface Arm {
  name: string;
  hunts: Hunt[];
}

/** A target with all its hunts. */
export interface HuntedTarget {
  name: string;
  set: string;
  means: string;
  /** Share of true ones in the whole set. */
  base: number;
  objects: number;
  arms: Arm[];
  rare: { share: number; arms: Arm[] }[];
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const number = (value: number, digits: number) => (Number.isFinite(value) ? value.toFixed(digits) : "-");
function ranged(values: number[], digits: number): string {
  const { median, low, high } = middle(values);
  return `${number(median, digits)} (${number(low, digits)}-${number(high, digits)})`;
}
const lastOf = ({ rounds }: Hunt) => rounds[rounds.length - 1];
const shownBy = ({ rounds }: Hunt) => sum(rounds.map(({ shown }) => shown));
const hitsOf = ({ rounds }: Hunt) => sum(rounds.map(({ positives }) => positives));
/** The share of true ones among what was shown in all rounds. */
const precisionOf = (hunt: Hunt) => hitsOf(hunt) / shownBy(hunt);
/** That of the best page. */
const bestPage = ({ rounds }: Hunt) => Math.max(...rounds.slice(1).map(({ positives, shown }) => positives / shown));
const clicks = (hunt: Hunt) =>
  lastOf(hunt).found === 0 ? Number.POSITIVE_INFINITY : shownBy(hunt) / lastOf(hunt).found;
const armOf = (arms: Arm[], name: string) => arms.find((arm) => arm.name === name);
const MAIN = "loop, alpha 0.9";

/** Each target and arm after its last round. */
export function summaryTable(targets: HuntedTarget[]): string {
  const rows = targets.flatMap(({ name, base, arms }) =>
    arms.map((arm, i) => {
      const each = <T>(of: (hunt: Hunt) => T) => arm.hunts.map(of);
      const hits = sum(each(hitsOf));
      const shown = sum(each(shownBy));
      const [low, high] = wilsonInterval(hits, shown);
      return [
        i === 0 ? `**${name}**, base ${base.toFixed(3)}` : "",
        arm.name,
        `${number(hits / shown, 2)} [${number(low, 2)}, ${number(high, 2)}]`,
        number(hits / shown / base, 1),
        `${ranged(
          each((hunt) => lastOf(hunt).found),
          0,
        )} of ${arm.hunts[0].toFind}`,
        ranged(
          each((hunt) => lastOf(hunt).found / hunt.toFind),
          2,
        ),
        number(middle(each(clicks)).median, 1),
        ranged(
          each((hunt) => lastOf(hunt).aupr),
          2,
        ),
        number(middle(each((hunt) => lastOf(hunt).atN)).median, 2),
        String(Math.min(...each((hunt) => lastOf(hunt).found))),
      ];
    }),
  );
  return `Precision of all that was shown in ten rounds, over all draws, with Wilson's 95 % interval; it says what the person saw, and pages are chosen by the rule, so it is no quality of the ranking. That is measured on the held-out half, which nobody labelled: its average precision (AUPR), and the share of true ones among its first N, N the number of true ones there.\n\n${markdown(["target", "pages by", "precision shown", "lift", "found", "completeness", "clicks a find", "held-out AUPR", "precision at N", "found, worst draw"], rows)}`;
}

/** The loop's hunts of one target, round by round, beside what the other ways found. */
export function roundsTable({ set, means, base, objects, arms }: HuntedTarget): string {
  const main = armOf(arms, MAIN);
  if (main === undefined) return "";
  const others = arms.filter(({ name }) => ["highest only", "cosine", "random"].includes(name));
  const rows = main.hunts[0].rounds.slice(1).map(({ round }) => {
    const of = (hunts: Hunt[]) => hunts.map(({ rounds }) => rounds[Math.min(round, rounds.length - 1)]);
    const now = of(main.hunts);
    const [hits, shown] = [sum(now.map(({ positives }) => positives)), sum(now.map((one) => one.shown))];
    const [low, high] = wilsonInterval(hits, shown);
    const modes = new Set(now.map(({ mode }) => mode));
    const seen = main.hunts.map(({ rounds }) => sum(rounds.slice(0, round + 1).map((one) => one.shown)));
    return [
      String(round),
      [...modes].join(", "),
      `${number(hits / shown, 2)} [${number(low, 2)}, ${number(high, 2)}]`,
      number(hits / shown / base, 1),
      ranged(
        now.map(({ found }) => found),
        0,
      ),
      number(middle(now.map(({ found }, i) => found / main.hunts[i].toFind)).median, 2),
      number(middle(now.map(({ found }, i) => seen[i] / found)).median, 1),
      ranged(
        now.map(({ aupr }) => aupr),
        2,
      ),
      number(middle(now.map(({ atN }) => atN)).median, 2),
      ...others.map(({ hunts }) => number(middle(of(hunts).map(({ found }) => found)).median, 0)),
    ];
  });
  const worst = main.hunts.reduce((least, hunt) => (lastOf(hunt).found < lastOf(least).found ? hunt : least));
  const worstPages = worst.rounds.slice(1).map(({ positives }) => positives);
  return `${objects} objects of ${set}, true where ${means}: base rate ${base.toFixed(3)}; ${main.hunts[0].toFind} to find in the half that is searched. ${MAIN}, all draws together.\n\n${markdown(["round", "page", "precision shown", "lift", "found", "completeness", "clicks a find", "held-out AUPR", "precision at N", ...others.map(({ name }) => `found by ${name}`)], rows)}\n\nWorst draw: ${worstPages.join(", ")} true ones on its ten pages, ${lastOf(worst).found} of ${worst.toFind} found, held-out AUPR ${number(lastOf(worst).aupr, 2)}.`;
}

/** The same targets made rare: what is left of the positives, and what was found. */
export function rarityTable(targets: HuntedTarget[]): string {
  const rows = targets.flatMap(({ name, rare }) =>
    rare.flatMap(({ share, arms }) =>
      arms.map((arm, i) => {
        const each = <T>(of: (hunt: Hunt) => T) => arm.hunts.map(of);
        const precision = sum(each(hitsOf)) / sum(each(shownBy));
        return [
          i === 0 ? `**${name}**` : "",
          i === 0 ? `${(100 * share).toFixed(1)} %` : "",
          arm.name,
          ranged(
            each((hunt) => hunt.rounds[1].positives / hunt.rounds[1].shown),
            2,
          ),
          ranged(each(bestPage), 2),
          number(precision, 3),
          number(precision / share, 1),
          `${ranged(
            each((hunt) => lastOf(hunt).found),
            0,
          )} of ${arm.hunts[0].toFind}`,
          ranged(
            each((hunt) => lastOf(hunt).found / hunt.toFind),
            2,
          ),
          number(middle(each(clicks)).median, 1),
          String(Math.min(...each((hunt) => lastOf(hunt).found))),
        ];
      }),
    ),
  );
  return `True ones are taken out of the pool until they are so rare; a quarter is held out instead of a half. Only where at least 20 are left: at 0.1 % that would take 20,000 objects, which none of these sets has.\n\n${markdown(["target", "share", "pages by", "precision of the first page", "of the best page", "of all pages", "lift", "found", "completeness", "clicks a find", "found, worst draw"], rows)}`;
}

/** What was set as a goal before the hunts, and what came of it. */
export function goalsTable(targets: HuntedTarget[]): string {
  const find = (name: string) => targets.find((target) => target.name === name);
  const hunts = (target: HuntedTarget | undefined, share: number | null = null) =>
    armOf((share === null ? target?.arms : target?.rare.find((one) => one.share === share)?.arms) ?? [], MAIN)?.hunts ??
    [];
  const [face, bar, perturbed] = [find("face-on spiral"), find("bar"), find("perturbed")];
  const afterFive = hunts(perturbed).map(({ rounds }) => rounds[5].found);
  const goal = (what: string, least: number, values: number[], digits: number) => {
    const { median } = middle(values);
    const verdict = median >= least ? "met" : "**missed**";
    return [
      what,
      `at least ${least}`,
      values.length === 0 ? "not measured" : ranged(values, digits),
      values.length === 0 ? "**missed**" : verdict,
    ];
  };
  // The best page is chosen with the truth in hand: all that was shown stands beside it.
  const shown = (what: string, least: number, list: Hunt[]) => [
    goal(`${what}: best page`, least, list.map(bestPage), 2),
    goal(`${what}: all pages`, least, list.map(precisionOf), 2),
  ];
  const rows = [
    ...shown(`face-on spiral, base ${face?.base.toFixed(2)}`, 0.9, hunts(face)),
    ...shown("face-on spiral, thinned to 1 %", 0.7, hunts(face, 0.01)),
    ...shown(`bar, base ${bar?.base.toFixed(2)}`, 0.7, hunts(bar)),
    goal(`perturbed, found with 100 labels, base ${perturbed?.base.toFixed(3)}`, 40, afterFive, 0),
    ...targets.map((target) =>
      goal(
        `${target.name}, lift of all pages (at most ${number(1 / target.base, 1)})`,
        3,
        hunts(target).map((hunt) => precisionOf(hunt) / target.base),
        1,
      ),
    ),
  ];
  return `Medians of the draws. "Best page" is the best of ten, chosen afterwards. A lift cannot exceed one over the base rate, nor what there is to find: a hunt of 200 among 35 true ones has at most that many.\n\n${markdown(["goal", "target", "measured", ""], rows)}`;
}

/** The targets of the paper's section 5.3: what it says was right after at most ten rounds among 201,319 galaxies. */
const PAPER: { name: string; paper: string; ours: string[] }[] = [
  { name: "face-on spiral", paper: "0.91", ours: ["face-on spiral", "face-on spiral, Galaxy Zoo"] },
  { name: "bar", paper: "0.75", ours: ["bar"] },
  { name: "merger", paper: "0.15", ours: ["merger, Galaxy Zoo 2", "merging, Galaxy10"] },
];

/** The paper's figures beside these, and what can be compared. */
export function paperTable(targets: HuntedTarget[]): string {
  const rows = PAPER.flatMap(({ name, paper, ours }) =>
    targets
      .filter((target) => ours.includes(target.name))
      .map((target, i) => {
        const hunts = armOf(target.arms, MAIN)?.hunts ?? [];
        const lastPage = hunts.map((hunt) => lastOf(hunt).positives / lastOf(hunt).shown);
        const columns = [hunts.map(precisionOf), hunts.map(bestPage), lastPage, hunts.map((hunt) => lastOf(hunt).atN)];
        return [
          i === 0 ? `**${name}**` : "",
          i === 0 ? `${paper}, base rate not given` : "",
          `${target.set}, base ${target.base.toFixed(3)}`,
          ...columns.map((values) => ranged(values, 2)),
        ];
      }),
  );
  return `The paper gives one figure a target, after at most ten rounds from five examples among 201,319 galaxies: without base rate, draws, interval and completeness, and it does not say what it is the precision of. Its images cannot be had here. So the figures can stand side by side; that one is higher says nothing, since a kind that is ten times as frequent is found more easily, and which of our columns is meant is not known. What can be compared is the order of difficulty, where the base rates are alike.\n\n${markdown(["target", "paper", "set here", "all pages", "best page", "last page", "precision at N, held out"], rows)}`;
}

/** Every round of every hunt's way, for other programs: CSV, one row a target, share, way and round. */
export function roundsCsv(targets: HuntedTarget[]): string {
  const header =
    "target,set,share,base_rate,pages_by,round,draws,shown,true_shown,precision_shown,wilson_low,wilson_high,lift,found,to_find,completeness,clicks_a_find,heldout_aupr,precision_at_n";
  const cell = (value: number) => (Number.isFinite(value) ? String(Number(value.toPrecision(5))) : "");
  const lines = targets.flatMap(({ name, set, base, arms, rare }) =>
    [{ share: null as number | null, arms }, ...rare].flatMap(({ share, arms: ways }) =>
      ways.flatMap((way) =>
        Array.from({ length: Math.max(...way.hunts.map(({ rounds }) => rounds.length)) }, (_, round) => {
          // A hunt that has shown everything has ended: its last figures stand, and it shows no more.
          const now = way.hunts.map(({ rounds }) => rounds[Math.min(round, rounds.length - 1)]);
          const paged = way.hunts.flatMap(({ rounds }) => rounds.slice(round, round + 1));
          const shown = sum(paged.map((one) => one.shown));
          const hits = sum(paged.map(({ positives }) => positives));
          const seen = way.hunts.map(({ rounds }) => sum(rounds.slice(0, round + 1).map((one) => one.shown)));
          const median = (values: number[]) => middle(values).median;
          const rate = share ?? base;
          const interval = shown === 0 ? [Number.NaN, Number.NaN] : wilsonInterval(hits, shown);
          return [
            ...[name, set].map((text) => `"${text}"`),
            share === null ? "" : String(share),
            cell(rate),
            `"${way.name}"`,
            ...[round, way.hunts.length, shown, hits, hits / shown, ...interval, hits / shown / rate].map(cell),
            cell(median(now.map(({ found }) => found))),
            cell(median(way.hunts.map(({ toFind }) => toFind))),
            cell(median(now.map(({ found }, i) => found / way.hunts[i].toFind))),
            cell(median(now.map(({ found }, i) => seen[i] / found))),
            cell(median(now.map(({ aupr }) => aupr))),
            cell(median(now.map(({ atN }) => atN))),
          ].join(",");
        }),
      ),
    ),
  );
  return `${[header, ...lines].join("\n")}\n`;
}
