/** Doing a session again from its events: every finished round must come out as it was recorded, bit for bit. */

import type { Store } from "../store/store.ts";
import type { Survey } from "../survey/folder.ts";
import { choose } from "./choose.ts";
import { fold } from "./fold.ts";
import { type FeatureSpace, learn } from "./learn.ts";
import { cosineOf, planRound } from "./round.ts";
import { findSession } from "./session.ts";

export interface Replayed {
  round: number;
  same: boolean;
  scores: Float32Array;
}

/** Replays the finished rounds of a session; `same` tells whether objects, order, scores and reasons are those recorded. */
export function replaySession(store: Store, survey: Pick<Survey, "rows" | "indexOf">, space: FeatureSpace, session: string): Replayed[] {
  const record = findSession(store, session);
  const events = store.events(session);
  const rounds = store.rounds(session);
  const similarity = cosineOf(space);
  return rounds
    .filter(({ provisional }) => !provisional)
    .map(({ round, lastSeq, picks }) => {
      const folded = fold(
        events.filter(({ seq }) => seq <= lastSeq),
        record.alpha,
      );
      const plan = planRound(
        record,
        folded,
        rounds.filter((earlier) => earlier.round < round),
        survey.rows.length,
        survey.indexOf,
      );
      const learner = learn(space, plan.examples, plan.seed);
      const scores = learner.score(0, space.count);
      learner.dispose();
      const { page } = choose({
        scores,
        candidates: plan.candidates,
        mode: plan.mode,
        pageSize: record.pageSize,
        randomPicks: record.randomPicks,
        seed: plan.seed,
        similarity,
      });
      const again = page.map(({ row, reason }) => ({ object: survey.rows[row].id, score: scores[row], reason }));
      return { round, same: JSON.stringify(again) === JSON.stringify(picks), scores };
    });
}
