/** Doing a session again from its events: every finished round must come out as it was recorded, bit for bit. */

import type { Store } from "../store/store.ts";
import type { Survey } from "../survey/folder.ts";
import { choose } from "./choose.ts";
import { fold } from "./fold.ts";
import { type FeatureSpace, learn } from "./learn.ts";
import { planRound, type RoundPlan } from "./round.ts";
import { findSession } from "./session.ts";

/** A round computed again: whether it chose the same page, and its scores. */
export interface Replayed {
  round: number;
  same: boolean;
  scores: Float32Array;
}

/**
 * What decided a finished round, from the events that it learned from, and how each object of the earlier rounds came
 * before the person.
 */
export async function planOf(
  store: Store,
  survey: Pick<Survey, "row" | "count" | "indexOf">,
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
  return { plan: planRound(record, folded, earlier, survey.count, survey.indexOf), shown };
}

/**
 * Replays the finished rounds of a session; `same` tells whether objects, order, scores and reasons are those recorded.
 */
export async function replaySession(
  store: Store,
  survey: Pick<Survey, "row" | "count" | "indexOf">,
  space: FeatureSpace,
  session: string,
): Promise<Replayed[]> {
  const record = await findSession(store, session);
  const finished = (await store.rounds(session)).filter(({ provisional }) => !provisional);
  const replayed: Replayed[] = [];
  for (const { round, picks } of finished) {
    const { plan } = await planOf(store, survey, session, round);
    const learner = learn(space, plan.examples, plan.seed);
    const scores = learner.score(0, space.count);
    learner.dispose();
    const { page } = choose({
      scores,
      candidates: plan.candidates,
      mode: plan.mode,
      examples: plan.examples,
      pageSize: record.pageSize,
      randomPicks: record.randomPicks,
      seed: plan.seed,
      space,
    });
    const again = page.map(({ row, reason }) => ({ object: survey.row(row).id, score: scores[row], reason }));
    replayed.push({ round, same: JSON.stringify(again) === JSON.stringify(picks), scores });
  }
  return replayed;
}
