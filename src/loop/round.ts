/**
 * One round: learn from all labels, score, choose. With many objects the first page comes from a part of the survey
 * (the top of the last ranking and a random sample), within a second; then everything is scored and the page chosen
 * again.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import { codeOf, SkyloopError } from "../base/errors.ts";
import { kthGreatest } from "../base/order.ts";
import { Random } from "../base/random.ts";
import type { Page, PagePick } from "../contract/api.ts";
import type { Artefacts } from "../store/artefacts.ts";
import type { RoundRecord, SessionRecord, Store } from "../store/store.ts";
import { ARTEFACT_TAG, withoutArtefacts } from "./artefacts.ts";
import { drawBackground } from "./background.ts";
import { choose, type Mode, ruleMode } from "./choose.ts";
import { type FoldedSession, fold } from "./fold.ts";
import type { Example, FeatureSpace, Learner } from "./learn.ts";
import { learnIn } from "./learn-prior.ts";
import { unusualLearner } from "./outliers.ts";
import { countRound } from "./round-counts.ts";
import { currentRound, findSession, roundSeed } from "./session.ts";
import { consensusOf, goldOf } from "./team.ts";

/** Up to so many objects everything is scored at once. */
const SMALL = 20_000;
/** Of a larger survey these are scored for the first page: so many of the last ranking's top, so many at random. */
const FIRST = { top: 4096, random: 4096 };
const SCORE_BLOCK = 4096;
/** A round that another program makes: how often it is looked for, and how long its first page may take. */
const LOOK_MS = 200;
const PATIENCE_MS = 120_000;

/** What a round needs: the session's events, the features, and whom to tell of its page. */
export interface RoundInput {
  store: Store;
  artefacts: Artefacts;
  session: string;
  /** Objects of the survey. */
  count: number;
  idOf(row: number): string;
  indexOf(id: string): number | undefined;
  space: FeatureSpace;
  weightsHash: string;
  onPage?(page: Page): void;
  onProgress?(stage: "learn" | "score" | "choose", done: number, total: number): void;
  signal?: AbortSignal;
  /** Called between the blocks of the full ranking; it may take its time. Default: messages get their turn. */
  rest?(): Promise<unknown>;
  /** The round to make; the session's next one unless given. */
  round?: number;
  /** How long the first page of a round that another program makes is waited for. */
  patienceMs?: number;
}

/** Everything that decides a round, from the events alone. */
export interface RoundPlan {
  round: number;
  seed: number;
  alpha: number;
  mode: Mode;
  lastSeq: number;
  examples: Example[];
  /** Unlabelled objects, drawn at random, that stand for what is not looked for beside the negatives there are. */
  background: Example[];
  /** Rows that may be shown. */
  candidates: Uint32Array;
  /** Whether the ranking begins with what the objects came with, and goes down from its head. */
  prior: boolean;
  /** Where nothing is positive yet, the most unusual objects are shown first, by this seed; null: learning ranks. */
  unusualSeed: number | null;
  /** Examples that a person called artefacts: what is like them is not shown. */
  artefacts: number[];
}

/** What ranks the objects of a round: what was learned, or how unusual they are where there is nothing to learn from. */
export function rankerOf(space: FeatureSpace, { examples, background, seed, unusualSeed }: RoundPlan): Learner {
  return unusualSeed === null ? learnIn(space, [...examples, ...background], seed) : unusualLearner(space, unusualSeed);
}

/** The candidates of a round without those that are like artefacts. */
export function shownFrom(space: FeatureSpace, { candidates, artefacts, examples }: RoundPlan): Uint32Array {
  const called = new Set(artefacts);
  const others = examples.map(({ row }) => row).filter((row) => !called.has(row));
  return withoutArtefacts(space, candidates, artefacts, others);
}

/** What the next round after `rounds` is, from the state folded up to it. */
export function planRound(
  record: SessionRecord,
  folded: FoldedSession,
  rounds: RoundRecord[],
  count: number,
  indexOf: (id: string) => number | undefined,
): RoundPlan {
  const round = currentRound(rounds) + 1;
  const { positives, negatives } = countRound(folded, round - 1);
  const examples: Example[] = [];
  const answered = new Uint8Array(count);
  const shown = new Uint8Array(count);
  const artefacts: number[] = [];
  const agreed = record.team === undefined ? null : consensusOf(folded, record);
  for (const [object, positive] of goldOf(record)) {
    const row = indexOf(object);
    if (row === undefined) continue;
    answered[row] = 1;
    // Known answers are learned whether somebody has been asked them or not.
    if (folded.labels[object]?.value == null) examples.push({ row, positive });
  }
  for (const [object, { value, tags }] of Object.entries(folded.labels).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const row = indexOf(object);
    if (row === undefined || value === null) continue;
    if (agreed !== null) {
      const { positive, weight } = agreed.get(object) ?? { positive: false, weight: 0 };
      if (weight > 0) examples.push({ row, positive, weight });
      // What a panel has not finished comes before those who have not answered it yet.
      if (weight > 0 || record.team?.mode !== "panel") answered[row] = 1;
      continue;
    }
    answered[row] = 1;
    if (value !== "unsure") examples.push({ row, positive: value === "positive" });
    if (value === "negative" && tags.includes(ARTEFACT_TAG)) artefacts.push(row);
  }
  // What was shown and passed over comes again after some rounds, else only when nothing else is left.
  const again = record.returnAfter === undefined ? 0 : round - 1 - record.returnAfter;
  for (const { round: then, picks } of rounds)
    for (const { object } of then > again ? picks : []) {
      const row = indexOf(object);
      if (row !== undefined) shown[row] = 1;
    }
  // Of millions of objects without a call for each.
  const open = (passShown: boolean) => {
    const rows = new Uint32Array(count);
    let found = 0;
    for (let row = 0; row < count; row++)
      if (answered[row] === 0 && (passShown || shown[row] === 0)) rows[found++] = row;
    return found === count ? rows : rows.slice(0, found);
  };
  const fresh = open(false);
  const candidates = fresh.length > 0 ? fresh : open(true);
  const prior = record.prior !== undefined;
  const unusual = !prior && !examples.some(({ positive }) => positive);
  const seed = roundSeed(record, round);
  const draw = { search: record.seed, round: seed, unlabelled: record.unlabelled };
  return {
    round,
    seed,
    alpha: folded.alpha,
    // The person's own examples are no answers to a page: the first page shows some of both.
    mode: unusual || prior ? "highest" : round > 1 ? ruleMode(positives, negatives, folded.alpha) : "mixed",
    lastSeq: folded.lastSeq,
    examples,
    background: unusual || prior ? [] : drawBackground(draw, candidates, examples),
    candidates,
    prior,
    unusualSeed: unusual ? record.seed : null,
    artefacts,
  };
}

/**
 * What decided a round that was made or begun, from the events that it learned from, and how each object of the earlier
 * rounds came before the person.
 */
export async function planOf(
  store: Store,
  { count, indexOf }: { count: number; indexOf(id: string): number | undefined },
  session: string,
  round: number,
): Promise<{ plan: RoundPlan; shown: Map<string, "rule" | "random"> }> {
  const record = await findSession(store, session);
  const rounds = await store.rounds(session);
  const lastSeq = rounds.find((one) => one.round === round)?.lastSeq ?? 0;
  const folded = fold(
    (await store.events(session)).filter(({ seq }) => seq <= lastSeq),
    record.alpha,
  );
  const earlier = rounds.filter((one) => one.round < round);
  const shown = new Map(
    earlier.flatMap(({ picks }) =>
      picks.map(({ object, reason }) => [object, reason === "random" ? ("random" as const) : ("rule" as const)]),
    ),
  );
  const plan = planRound(record, folded, earlier, count, indexOf);
  // As it was made: what the rule means for a first page has not always been the same.
  const made = rounds.find((one) => one.round === round)?.mode;
  return { plan: made === undefined || made === "start" ? plan : { ...plan, mode: made }, shown };
}

const pageOf = ({ round, provisional, exhausted, picks }: RoundRecord): Page => ({
  round,
  provisional,
  exhausted,
  picks,
});

/**
 * Makes a round and returns its final page; both pages are saved. One that is there already is not made again; one that
 * was begun and has no full ranking is finished as it was begun; one that another program makes at the moment is waited
 * for. Throws ONE_CLASS_LABELLED, NOTHING_LEFT, ABORTED, and ROUND_RUNNING where that program shows no page
 * in time.
 */
export async function nextRound(input: RoundInput): Promise<{ page: Page; seconds: number }> {
  const started = performance.now();
  const { store, session } = input;
  const round = input.round ?? currentRound(await store.rounds(session)) + 1;
  let shown = false;
  for (;;) {
    try {
      const release = await store.holdRound(session);
      try {
        return await makeRound({ ...input, round });
      } finally {
        await release();
      }
    } catch (error) {
      const late = performance.now() - started > (input.patienceMs ?? PATIENCE_MS);
      if (codeOf(error) !== "ROUND_RUNNING" || (late && !shown)) throw error;
    }
    const theirs = (await store.rounds(session)).find((one) => one.round === round);
    if (theirs !== undefined && !shown) input.onPage?.(pageOf(theirs));
    shown ||= theirs !== undefined;
    if (input.signal?.aborted) throw aborted();
    await setTimeout(LOOK_MS);
  }
}

/** Makes or finishes a round that no other program is making. */
async function makeRound(input: RoundInput): Promise<{ page: Page; seconds: number }> {
  const { store, artefacts, session, count } = input;
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const record = await findSession(store, session);
  const rounds = await store.rounds(session);
  const begun = rounds.find(({ round }) => round === input.round);
  const there = (saved: RoundRecord) => {
    input.onPage?.(pageOf(saved));
    return { page: pageOf(saved), seconds: seconds() };
  };
  if (begun?.provisional === false) return there(begun);
  const planned =
    begun === undefined
      ? planRound(record, fold(await store.events(session), record.alpha), rounds, count, input.indexOf)
      : (await planOf(store, { count, indexOf: input.indexOf }, session, begun.round)).plan;
  const plan = { ...planned, candidates: shownFrom(input.space, planned) };
  mustTeach(plan);
  if (plan.candidates.length === 0)
    throw new SkyloopError(
      "NOTHING_LEFT",
      `every one of the ${count} objects has an answer; there is nothing left to show. Export the ranking, or clear labels to ask again`,
    );
  input.onProgress?.("learn", 0, 1);
  const learner = rankerOf(input.space, plan);
  input.onProgress?.("learn", 1, 1);
  const finish = async (scores: Float32Array, candidates: ArrayLike<number>, provisional: boolean) => {
    const page = pageFrom(input, record, plan, scores, candidates, provisional);
    const { seed, alpha, mode, lastSeq } = plan;
    const { weightsHash } = input;
    await store.saveRound(session, { ...page, seed, alpha, mode, lastSeq, at: new Date().toISOString(), weightsHash });
    input.onPage?.(page);
    return page;
  };
  try {
    if (count > SMALL && begun === undefined)
      await finish(...firstScores(learner, plan, count, await artefacts.scores(session, count)), true);
    const scores = await scoreAll(learner, count, input);
    await artefacts.saveScores(session, plan.round, scores);
    return { page: await finish(scores, plan.candidates, false), seconds: seconds() };
  } catch (error) {
    const theirs = (await store.rounds(session)).find(({ round }) => round === plan.round);
    // Another program has made this round: its page is everybody's.
    if (codeOf(error) === "ROUND_TAKEN" && theirs !== undefined) return there(theirs);
    throw error;
  } finally {
    learner.dispose();
  }
}

const aborted = () => new SkyloopError("ABORTED", "the ranking was given up for a newer one");

/** Throws ONE_CLASS_LABELLED where there is nothing to tell apart. */
function mustTeach({ examples, background, prior, unusualSeed }: RoundPlan): void {
  if (prior || unusualSeed !== null) return;
  const positives = examples.filter(({ positive }) => positive).length;
  const negatives = examples.length - positives + background.length;
  if (positives === 0 || negatives === 0)
    throw new SkyloopError(
      "ONE_CLASS_LABELLED",
      `learning needs at least one positive, and one negative or unlabelled object; there are ${positives} and ${negatives}: label some more`,
    );
}

/** The page of a round, chosen among `candidates` by `scores`. */
function pageFrom(
  { idOf, space }: RoundInput,
  { pageSize, randomPicks }: SessionRecord,
  { round, mode, examples, seed, candidates: all }: RoundPlan,
  scores: Float32Array,
  candidates: ArrayLike<number>,
  provisional: boolean,
): Page {
  // Of detections each is looked at: two that are alike are two objects.
  const twins = space.prior !== undefined;
  const { page } = choose({ scores, candidates, mode, examples, pageSize, randomPicks, seed, space, twins });
  const picks = page.map(({ row, reason }): PagePick => ({ object: idOf(row), score: scores[row], reason }));
  return { round, provisional, exhausted: all.length <= pageSize, picks };
}

/** Scores of the part that the first page is chosen from, in an array of all (0 elsewhere), and its rows. */
function firstScores(
  learner: Learner,
  { candidates, seed }: RoundPlan,
  count: number,
  previous: Float32Array | null,
): [Float32Array, Uint32Array] {
  const rows = new Set<number>(
    new Random(seed)
      .fork("first")
      .sample(candidates.length, Math.min(FIRST.random, candidates.length))
      .map((i) => candidates[i]),
  );
  if (previous !== null) {
    const last = new Float32Array(candidates.length);
    for (let i = 0; i < last.length; i++) last[i] = previous[candidates[i]];
    const least = kthGreatest(last, Math.min(FIRST.top, last.length));
    for (let i = 0; i < last.length; i++)
      if (last[i] >= least && rows.size < FIRST.top + FIRST.random) rows.add(candidates[i]);
  }
  const part = Uint32Array.from(rows).sort();
  const scores = new Float32Array(count);
  const values = learner.scoreRows(part);
  for (const [i, row] of part.entries()) scores[row] = values[i];
  return [scores, part];
}

async function scoreAll(
  learner: Learner,
  count: number,
  { onProgress, signal, rest = setImmediate }: RoundInput,
): Promise<Float32Array> {
  const scores = new Float32Array(count);
  for (let from = 0; from < count; from += SCORE_BLOCK) {
    const to = Math.min(count, from + SCORE_BLOCK);
    scores.set(learner.score(from, to), from);
    onProgress?.("score", to, count);
    // Messages (a newer round, a question about neighbours) get their turn between blocks.
    await rest();
    if (signal?.aborted) throw aborted();
  }
  return scores;
}
