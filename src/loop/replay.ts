/** Doing a session again from its events: every finished round must come out as it was recorded, bit for bit. */

import type { Store } from "../store/store.ts";
import type { Survey } from "../survey/folder.ts";
import { choose } from "./choose.ts";
import type { FeatureSpace } from "./learn.ts";
import { planOf, rankerOf, shownFrom } from "./round.ts";
import { findSession } from "./session.ts";

/** A round computed again: whether it chose the same page, and its scores. */
export interface ReplayedRound {
  round: number;
  same: boolean;
  scores: Float32Array;
}

/**
 * Replays the finished rounds of a session; `same` tells whether objects, order, scores and reasons are those recorded.
 */
export async function replaySession(
  store: Store,
  survey: Pick<Survey, "row" | "count" | "indexOf">,
  space: FeatureSpace,
  session: string,
): Promise<ReplayedRound[]> {
  const record = await findSession(store, session);
  const finished = (await store.rounds(session)).filter(({ provisional }) => !provisional);
  const replayed: ReplayedRound[] = [];
  for (const { round, picks } of finished) {
    const { plan } = await planOf(store, survey, session, round);
    const learner = rankerOf(space, plan);
    const scores = learner.score(0, space.count);
    learner.dispose();
    const { page } = choose({
      scores,
      candidates: shownFrom(space, plan),
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
