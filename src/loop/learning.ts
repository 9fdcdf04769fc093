/** What a session has learned so far, as the page shows it and as numbers for all objects. */
import type { SessionState } from "../contract/api.ts";
import type { Learning } from "../contract/insight.ts";
import { advise, histogramOf } from "./assess.ts";
import type { OpenedSurvey } from "./opened.ts";
import { sessionState } from "./session.ts";

const LABEL_CODES = { positive: 1, negative: 2, unsure: 3, clear: 0 } as const;

/** Histogram of the scores, assessments of the rounds, and whether it is time to stop. Throws SESSION_UNKNOWN. */
export async function learningOf({ survey, store, artefacts }: OpenedSurvey, session: string): Promise<Learning> {
  const scores = await artefacts.scores(session, survey.count);
  const state = await sessionState(store, session, null, scores !== null);
  const labelled = Object.entries(state.labels).flatMap(([object, { value }]) => {
    const row = survey.indexOf(object);
    return row === undefined || (value !== "positive" && value !== "negative")
      ? []
      : [{ row, positive: value === "positive" }];
  });
  const assessments = await artefacts.assessments(session);
  return {
    histogram: scores === null ? null : histogramOf(scores, labelled),
    assessments,
    advice: advise(state.rounds, assessments, allAnswered(state)),
  };
}

/** Whether nothing is left to show: the last page has no others after it, and each of its objects has an answer. */
export function allAnswered({ page, labels }: SessionState): boolean {
  return page?.exhausted === true && page.picks.every(({ object }) => (labels[object]?.value ?? null) !== null);
}

/**
 * The score of each object in catalogue order (0 without a ranking), and its label: 0 none, 1 positive, 2 negative, 3
 * unsure; as `who` may see it. Throws SESSION_UNKNOWN.
 */
export async function scoresAndLabels(
  { survey, store, artefacts }: OpenedSurvey,
  session: string,
  who: string | null = null,
): Promise<{ scores: Float32Array; labels: Uint8Array }> {
  const scores = (await artefacts.scores(session, survey.count)) ?? new Float32Array(survey.count);
  const labels = new Uint8Array(survey.count);
  for (const [object, { value }] of Object.entries((await sessionState(store, session, who, true)).labels)) {
    const row = survey.indexOf(object);
    if (row !== undefined && value !== null) labels[row] = LABEL_CODES[value];
  }
  return { scores, labels };
}
