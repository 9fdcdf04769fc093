import { useMemo } from "react";
import type { Assessment } from "../../../src/contract/insight.ts";
import { oneAtATime } from "../../actions/one-at-a-time.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { useSettled } from "../../actions/use-settled.ts";
import { api } from "../../client/api.ts";
import { ScoreHistogram } from "./score-histogram.tsx";
import "./plots.css";

/** With fewer random picks an interval is shown, and no single number. */
export const FEW_RANDOM = 8;
/** Whoever answers quickly is not told of every answer. */
const SETTLED_MS = 400;

interface Props {
  session: string;
  /** Grows with every ranking and assessment. */
  learned: number;
  /** The last event that was saved: answers change the advice, too. */
  lastSeq: number;
  /** Positive labels now: an assessment may be some rounds old. */
  positives: number;
}

/** Advice, expected number, and where labelled objects lie among the scores. */
export function LearningPanel({ session, learned, lastSeq, positives }: Props) {
  const settled = useSettled(lastSeq, SETTLED_MS);
  const ask = useMemo(() => oneAtATime(() => api.learning(session)), [session]);
  const { answer: learning } = useAsked(ask, [session, learned, settled], true);
  if (learning === null) return null;
  const last = learning.assessments.at(-1);
  const { verdict, reason } = learning.advice;
  return (
    <section aria-labelledby="learning-title" className="learning">
      <h2 id="learning-title">Progress</h2>
      <p className={verdict === "may stop" ? "advice stop" : "advice"}>
        <b>{verdict === "may stop" ? "You may stop." : "Go on."}</b> {reason}
      </p>
      {last !== undefined && last.positives < positives && (
        <p className="hint">
          The estimates are of round {last.round}, with {last.positives} positives.
        </p>
      )}
      {learning.histogram !== null && <ScoreHistogram histogram={learning.histogram} />}
      {last !== undefined && <Estimates assessment={last} />}
    </section>
  );
}

function Estimates({ assessment: { expected, randomPicks } }: { assessment: Assessment }) {
  return (
    <dl className="estimates">
      <dt>Expected in the survey</dt>
      <dd>
        {expected === null ? (
          <span className="hint">
            {randomPicks < 3 ? `after answers to random picks (${randomPicks} so far)` : "after more answers"}
          </span>
        ) : randomPicks < FEW_RANDOM ? (
          <>
            {Math.round(expected.low)} to {Math.round(expected.high)}
            <span className="interval">from only {randomPicks} random picks; more of them narrow it</span>
          </>
        ) : (
          <>
            {Math.round(expected.value)}{" "}
            <span className="interval">
              {Math.round(expected.low)}–{Math.round(expected.high)}, from {randomPicks} random picks
            </span>
          </>
        )}
      </dd>
    </dl>
  );
}
