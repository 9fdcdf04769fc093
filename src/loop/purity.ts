/**
 * What verdicts on a detector's candidates say of its scores in these images: purity by score, and the probability that a
 * score stands for (Platt), so that a threshold can be chosen. Objects that a person drew have no score and do not count.
 */
import type { ScorePurity } from "../contract/insight.ts";
import { type Share, shareOf } from "../measure/detection-rates.ts";
import { fitPlatt, type Platt, plattProbability } from "../measure/platt.ts";
import { readDetections } from "../survey/detections.ts";
import type { OpenedSurvey } from "./opened.ts";
import { sessionState } from "./session.ts";
import { verdictsNamed } from "./verdicts.ts";

/** A candidate with the detector's score, and what a person said of it: real or not, null where nobody did. */
export interface JudgedCandidate {
  id: string;
  score: number;
  real: boolean | null;
}

/** Purity of the candidates with a score in [from, to) that were looked at. */
interface ScoreBin extends Share {
  from: number;
  to: number;
  candidates: number;
}

/** What the verdicts say; candidates, highest score first. */
export interface PurityByScore {
  candidates: (JudgedCandidate & { probability: number | null })[];
  looked: number;
  /** Of those that were looked at. */
  positives: number;
  bins: ScoreBin[];
  /** The probability that a score stands for; null where `lacks` says why there is none. */
  curve: Platt | null;
  /** What verdicts a curve still takes, as a sentence. */
  lacks: string | null;
  /** The least score of a candidate that was looked at; probabilities below are drawn out from above. */
  leastLooked: number | null;
  /** For each purity that was asked for the lowest score from which on candidates have it, and how many these are. */
  cuts: { purity: number; score: number | null; candidates: number }[] | null;
}

const EDGES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
/** Places at which the page draws the curve. */
const CURVE_POINTS = 50;
/** Fewer verdicts, or fewer than two of a kind, tell no curve. */
const [LEAST, LEAST_OF_A_KIND] = [10, 2];

/**
 * Purity by score with Wilson's intervals of the candidates that were looked at, and by Platt's curve through all verdicts the
 * probability of each candidate. `purities` are those that cuts are wanted for: from a cut's score on, verdicts and probabilities
 * add up to that purity. No curve and no cuts from fewer than 10 verdicts or fewer than 2 of a kind.
 */
export function purityByScore(given: readonly JudgedCandidate[], purities: readonly number[]): PurityByScore {
  const sorted = [...given].sort((a, b) => b.score - a.score);
  const looked = sorted.filter(({ real }) => real !== null);
  const hits = looked.filter(({ real }) => real).length;
  const lacks = lackOf(looked.length, hits);
  const curve =
    lacks === null
      ? fitPlatt(
          looked.map(({ score }) => score),
          looked.map(({ real }) => Number(real)),
        )
      : null;
  const candidates = sorted.map((one) => ({
    ...one,
    probability: curve === null ? null : plattProbability(curve, one.score),
  }));
  const bins = EDGES.slice(1).map((to, i): ScoreBin => {
    const inside = sorted.filter(({ score }) => score >= EDGES[i] && (score < to || to === 1));
    const judged = inside.filter(({ real }) => real !== null);
    const found = judged.filter(({ real }) => real).length;
    return { from: EDGES[i], to, candidates: inside.length, ...shareOf(found, judged.length) };
  });
  const leastLooked = looked.at(-1)?.score ?? null;
  const cuts = curve === null ? null : cutsFor(candidates, purities);
  return { candidates, looked: looked.length, positives: hits, bins, curve, lacks, leastLooked, cuts };
}

function lackOf(looked: number, hits: number): string | null {
  if (looked < LEAST)
    return `A curve of probability takes ${LEAST} verdicts, ${LEAST_OF_A_KIND} of each kind at least; so far ${looked}.`;
  if (Math.min(hits, looked - hits) >= LEAST_OF_A_KIND) return null;
  return `A curve of probability takes ${LEAST_OF_A_KIND} verdicts of each kind; of ${looked} ${hits} are positive and ${looked - hits} negative.`;
}

function cutsFor(candidates: PurityByScore["candidates"], purities: readonly number[]) {
  let expected = 0;
  const shares = candidates.map(({ real, probability }, i) => {
    expected += real === null ? (probability ?? 0) : Number(real);
    return expected / (i + 1);
  });
  return purities.map((purity) => {
    // Candidates of one score come together.
    const last = shares.findLastIndex(
      (share, i) => share >= purity && candidates[i].score !== candidates[i + 1]?.score,
    );
    return { purity, score: last < 0 ? null : candidates[last].score, candidates: last + 1 };
  });
}

/** A candidate judged by its label: yes or no; unsure says nothing. */
const judge = ({ id, score }: { id: string; score: number }, label: string | null | undefined): JudgedCandidate => ({
  id,
  score,
  real: label === "positive" || label === "negative" ? label === "positive" : null,
});

/** `checkCandidates`: whether the session asks what is real, not for something else among the candidates. */
export type SessionPurity = PurityByScore & { checkCandidates: boolean };

/**
 * `purityByScore` of a folder of detections by the verdicts of one of its sessions. Throws DETECTIONS_BROKEN, and as
 * `verdictsNamed`.
 */
export async function purityOf(folder: string, session: string, purities: readonly number[]): Promise<SessionPurity> {
  const { labels, checkCandidates } = await verdictsNamed(`${folder}:${session}`);
  const judged = readDetections(folder).map((one) => judge(one, labels[one.id]));
  return { ...purityByScore(judged, purities), checkCandidates };
}

/**
 * The same of an open session, as the page shows it; null where the session does not check a detector's candidates. `scores` are the
 * detector's. Throws SESSION_UNKNOWN.
 */
export async function sessionPurity(
  { store }: Pick<OpenedSurvey, "store">,
  session: string,
  scores: () => Promise<{ id: string; score: number }[]>,
): Promise<ScorePurity | null> {
  const { prior, labels } = await sessionState(store, session, null, true);
  if (prior === undefined) return null;
  const judged = (await scores()).map((one) => judge(one, labels[one.id]?.value));
  const { candidates, looked, positives, bins, curve, lacks, leastLooked } = purityByScore(judged, []);
  const points = Array.from({ length: CURVE_POINTS + 1 }, (_, i) => i / CURVE_POINTS);
  return {
    candidates: candidates.length,
    looked,
    positives,
    bins: bins.map(({ from, to, candidates: count, hits, tries, interval: [low, high] }) => ({
      from,
      to,
      candidates: count,
      hits,
      tries,
      low,
      high,
    })),
    curve: curve === null ? null : points.map((score) => ({ score, probability: plattProbability(curve, score) })),
    lacks,
    leastLooked,
  };
}
