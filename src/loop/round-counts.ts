/** What came of the rounds of a session: answers by round, and how many of the picks were right. */
import type { RoundSummary } from "../contract/api.ts";
import { wilsonInterval } from "../measure/ranking.ts";
import type { RoundRecord } from "../store/store.ts";
import type { FoldedSession } from "./fold.ts";

/** Positives and negatives that stand and were given in `round`: the P and N of the alpha rule. */
export function countRound(
  folded: FoldedSession,
  round: number,
): { positives: number; negatives: number; unsure: number } {
  return countRounds(folded).get(round) ?? { positives: 0, negatives: 0, unsure: 0 };
}

/** The labels that stand, by the round in which they were given; rounds without one are not in it. */
function countRounds(folded: FoldedSession): Map<number, ReturnType<typeof countRound>> {
  const counts = new Map<number, ReturnType<typeof countRound>>();
  for (const { value, round } of Object.values(folded.labels)) {
    if (value === null) continue;
    const count = counts.get(round) ?? { positives: 0, negatives: 0, unsure: 0 };
    counts.set(round, count);
    count[value === "positive" ? "positives" : value === "negative" ? "negatives" : "unsure"]++;
  }
  return counts;
}

/**
 * Per round: what was shown and what it turned out to be. Precision is the share of positives among the rule's picks
 * that got a yes or no.
 */
export function summariseRounds(folded: FoldedSession, rounds: RoundRecord[], alpha: number): RoundSummary[] {
  const counts = countRounds(folded);
  const given = (round: number) => counts.get(round) ?? { positives: 0, negatives: 0, unsure: 0 };
  const first: RoundSummary = {
    round: 0,
    alpha,
    mode: "start",
    shown: 0,
    ...given(0),
    randomShown: 0,
    randomPositives: 0,
    precision: null,
    precisionLow: null,
    precisionHigh: null,
  };
  const others = rounds.map(({ round, alpha: used, mode, picks }): RoundSummary => {
    const answered = picks.filter(({ object }) =>
      ["positive", "negative"].includes(folded.labels[object]?.value ?? ""),
    );
    const ruled = answered.filter(({ reason }) => reason !== "random");
    const random = answered.filter(({ reason }) => reason === "random");
    const hits = (list: typeof picks) =>
      list.filter(({ object }) => folded.labels[object]?.value === "positive").length;
    const [low, high] = wilsonInterval(hits(ruled), ruled.length);
    const known = ruled.length > 0;
    return {
      round,
      alpha: used,
      mode,
      shown: picks.length,
      ...given(round),
      randomShown: random.length,
      randomPositives: hits(random),
      precision: known ? hits(ruled) / ruled.length : null,
      precisionLow: known ? low : null,
      precisionHigh: known ? high : null,
    };
  });
  return [first, ...others];
}
