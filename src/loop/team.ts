/**
 * Several people in one session: what their answers to an object come to, whose page an object is on, which known
 * answers are mixed in, and what of the others' labels a person may see.
 */
import { createHash } from "node:crypto";
import { Random } from "../base/random.ts";
import type { LabelState, Page, PagePick, SessionEvent } from "../contract/api.ts";
import type { Team } from "../contract/team.ts";
import { dawidSkene } from "../measure/agreement.ts";
import type { SessionRecord } from "../store/store.ts";
import type { FoldedSession } from "./fold.ts";

/** What an object's answers come to; `weight` is between 0 and 1. */
export interface Consensus {
  positive: boolean;
  weight: number;
}

/** The known answers of a session by object; true is yes. */
export function goldOf({ team }: Pick<SessionRecord, "team">): Map<string, boolean> {
  const of = (objects: string[], yes: boolean) => objects.map((object) => [object, yes] as const);
  return new Map([...of(team?.gold.positive ?? [], true), ...of(team?.gold.negative ?? [], false)]);
}

/**
 * What the answers of several people come to, object by object. Objects on which as many say yes as no, or that a panel
 * has not finished, are left out; what is known (gold) counts once and as it is known. With Dawid and Skene's weights
 * an answer counts as much as its person is right, gold being known to the model.
 */
export function consensusOf(folded: Pick<FoldedSession, "answers">, record: SessionRecord): Map<string, Consensus> {
  const team = record.team as Team;
  const gold = goldOf(record);
  const found = new Map<string, Consensus>();
  const judged = team.weights === "dawid-skene" ? judge(folded, gold) : null;
  for (const [object, held] of folded.answers) {
    if (gold.has(object)) continue;
    const yes = held.filter(({ value }) => value === "positive").length;
    const count = yes + held.filter(({ value }) => value === "negative").length;
    // Examples are given once, by whoever starts.
    const started = held.some(({ reason }) => reason === "start");
    if (count === 0 || (team.mode === "panel" && count < team.panel && !started)) continue;
    const share = judged?.get(object) ?? yes / count;
    if (share === 0.5) continue;
    const positive = share > 0.5;
    found.set(object, { positive, weight: judged === null ? Math.max(share, 1 - share) : Math.abs(2 * share - 1) });
  }
  for (const [object, positive] of gold) found.set(object, { positive, weight: 1 });
  return found;
}

/** A person who is always right: what is known, as an answer that the model weighs with the others. */
const TRUTH = "\u0000known";

function judge({ answers }: Pick<FoldedSession, "answers">, gold: Map<string, boolean>): Map<string, number> {
  const given = [...answers].flatMap(([object, held]) =>
    held.flatMap(({ who, value }) =>
      value === "unsure" || value === "clear" ? [] : [{ object, who, yes: value === "positive" }],
    ),
  );
  const known = [...gold].map(([object, yes]) => ({ object, who: TRUTH, yes }));
  return dawidSkene([...given, ...known]).probability;
}

/** A number in [0, 1) that depends on the words alone. */
function chance(...words: (string | number)[]): number {
  return createHash("sha256").update(words.join("\u0000")).digest().readUInt32BE(0) / 2 ** 32;
}

/**
 * Whether an object is on a person's page, among those who take part: each object is shown to one of them, a share to
 * two, in a panel to as many as it has. Who comes or goes changes only what falls to them.
 */
function isFor({ seed, team }: SessionRecord, object: string, who: string, people: string[]): boolean {
  const { mode, overlap, panel } = team as Team;
  const shown = mode === "panel" ? panel : chance(seed, object, "overlap") < overlap ? 2 : 1;
  const own = chance(seed, object, who);
  return people.filter((other) => other !== who && chance(seed, object, other) > own).length < shown;
}

/** Gold among the first twenty answers of a person is two of five, then half as often with every twenty. */
const GOLD_SHARE = 0.4;
const GOLD_HALVES = 20;

/**
 * A person's part of a page, with gold mixed in at a falling rate (Space Warps, Marshall et al. 2016): the same for the
 * whole round, wherever it is asked for.
 */
export function pageFor(
  record: SessionRecord,
  folded: Pick<FoldedSession, "answers">,
  page: Page,
  who: string | null,
): Page {
  const { team } = record;
  if (team === undefined || who === null) return page;
  const own = [...folded.answers].flatMap(([object, held]) =>
    held.filter((one) => one.who === who && one.round > 0).map(({ round }) => ({ object, round })),
  );
  const people = [
    ...new Set(
      [...folded.answers.values()]
        .flat()
        .filter(({ round }) => round > 0)
        .map((one) => one.who),
    ),
  ];
  const picks =
    team.mode === "shared" ? page.picks : page.picks.filter(({ object }) => isFor(record, object, who, people));
  const before = own.filter(({ round }) => round < page.round).length;
  const share = GOLD_SHARE / 2 ** Math.floor(before / GOLD_HALVES);
  const done = new Set(own.flatMap(({ object, round }) => (round < page.round ? [object] : [])));
  const left = [...goldOf(record).keys()].filter((object) => !done.has(object)).sort();
  const random = new Random(record.seed).fork(`gold ${page.round} ${who}`);
  const exact = share * picks.length;
  const count = Math.min(left.length, Math.floor(exact) + (random.next() < exact % 1 ? 1 : 0));
  // As most of the page is: "random" is a mark in the grid, and would tell who is asked.
  const reason = picks.find((pick) => pick.reason !== "random")?.reason ?? "highest";
  const mixed: PagePick[] = [...picks];
  for (const i of random.sample(left.length, count)) {
    const score = mixed[random.int(Math.max(1, mixed.length))]?.score ?? null;
    mixed.splice(random.int(mixed.length + 1), 0, { object: left[i], score, reason });
  }
  return { ...page, picks: mixed };
}

/** Tells of which objects a person may see what others say; everything in a session that is not blind. */
export function sightOf(
  { team }: Pick<SessionRecord, "team">,
  { answers }: Pick<FoldedSession, "answers">,
  who: string | null,
): (object: string) => boolean {
  if (team === undefined || team.mode === "shared") return () => true;
  return (object) => who !== null && (answers.get(object) ?? []).some((held) => held.who === who);
}

/** The labels that a person may see. */
export function seenLabels(
  labels: Record<string, LabelState>,
  sees: (object: string) => boolean,
): Record<string, LabelState> {
  return Object.fromEntries(Object.entries(labels).filter(([object]) => sees(object)));
}

/** The events that a person may hear of: their own, those of objects that they have answered, those of no object. */
export const heardEvents = (events: SessionEvent[], who: string | null, sees: (object: string) => boolean) =>
  events.filter((event) => event.object === null || event.who === who || sees(event.object));
