import { useEffect, useState } from "react";
import type { Assessment, Estimate, Histogram, Learning } from "../../src/contract/insight.ts";
import { api } from "../client/api.ts";
import { percent, percentRange } from "./percent.ts";

/** With fewer random picks an interval is shown, and no single number. */
const FEW_RANDOM = 8;
const interval = ({ low, high }: Estimate) => percentRange(low, high);

/** How the search goes: advice, held-out estimate, expected number, and where labelled objects lie among the scores. */
export function LearningPanel({ session, learned }: { session: string; learned: number }) {
  const [learning, setLearning] = useState<Learning | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new ranking is a new answer
  useEffect(() => {
    let gone = false;
    api.learning(session).then(
      (found) => !gone && setLearning(found),
      () => {},
    );
    return () => {
      gone = true;
    };
  }, [session, learned]);
  if (learning === null) return null;
  const last = learning.assessments.at(-1);
  return (
    <section aria-labelledby="learning-title" className="learning">
      <h2 id="learning-title">How it goes</h2>
      <p className={learning.advice.verdict === "may stop" ? "advice stop" : "advice"}>
        <b>{learning.advice.verdict === "may stop" ? "You may stop." : "Go on."}</b> {learning.advice.reason}
      </p>
      {learning.histogram !== null && <ScoreHistogram histogram={learning.histogram} />}
      {last !== undefined && <Estimates assessment={last} />}
    </section>
  );
}

function Estimates({ assessment: { heldOut, expected, randomPicks } }: { assessment: Assessment }) {
  return (
    <dl className="estimates">
      {heldOut !== null && (
        <>
          <dt>Held-out average precision</dt>
          <dd title="Each answered object scored by a learner that did not see its label; of the answered objects only, which are no random sample.">
            {percent(heldOut.averagePrecision.value)}{" "}
            <span className="interval">{interval(heldOut.averagePrecision)}</span>
          </dd>
        </>
      )}
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

const [W, H] = [276, 96];

/** Objects by score on a logarithmic scale, labelled ones as marks below. */
function ScoreHistogram({ histogram: { edges, all, positive, negative } }: { histogram: Histogram }) {
  const most = Math.log1p(Math.max(...all));
  const step = W / all.length;
  const total = (counts: number[]) => counts.reduce((sum, n) => sum + n, 0);
  return (
    <figure className="plot">
      <svg
        viewBox={`0 0 ${W} ${H + 34}`}
        role="img"
        aria-label={`Histogram of the scores of ${total(all)} objects; ${total(positive)} labelled positive, ${total(negative)} negative`}
      >
        {all.map((count, i) => {
          const height = most === 0 ? 0 : (H * Math.log1p(count)) / most;
          return (
            <rect
              key={edges[i]}
              className="bar-all"
              x={i * step + 0.5}
              y={H - height}
              width={step - 1}
              height={height}
            />
          );
        })}
        {negative.map(
          (count, i) =>
            count > 0 && (
              <circle
                key={edges[i]}
                className="dot-no"
                cx={(i + 0.5) * step}
                cy={H + 7}
                r={Math.min(4.5, 1.6 + Math.sqrt(count) * 0.7)}
              />
            ),
        )}
        {positive.map(
          (count, i) =>
            count > 0 && (
              <circle
                key={edges[i]}
                className="dot-yes"
                cx={(i + 0.5) * step}
                cy={H + 17}
                r={Math.min(4.5, 1.6 + Math.sqrt(count) * 0.7)}
              />
            ),
        )}
        <text x="0" y={H + 32}>
          score 0
        </text>
        <text x={W} y={H + 32} textAnchor="end">
          1
        </text>
      </svg>
      <figcaption className="hint">
        Objects by score (heights logarithmic); dots are labels: <b className="yes">positive</b> below{" "}
        <b className="no">negative</b>.
      </figcaption>
    </figure>
  );
}

/** Purity and completeness against the lowest score that is taken, with a slider for it. */
export function CutPlot({
  assessment,
  cut,
  onCut,
}: {
  assessment: Assessment | undefined;
  cut: number | null;
  onCut(score: number): void;
}) {
  if (assessment === undefined || assessment.cuts.length === 0)
    return (
      <p className="hint">
        The curve of purity and completeness needs ten answers to objects that the rounds showed, of both kinds, and
        three to random picks.
      </p>
    );
  const [w, h] = [420, 150];
  const { cuts } = assessment;
  const x = (score: number) => w * score;
  const y = (share: number) => h * (1 - Math.min(1, share));
  const line = (key: "purity" | "completeness") =>
    cuts.map((one, i) => `${i === 0 ? "M" : "L"}${x(one.score)},${y(one[key].value)}`).join("");
  const band = (key: "purity" | "completeness") =>
    `${cuts.map((one, i) => `${i === 0 ? "M" : "L"}${x(one.score)},${y(one[key].high)}`).join("")}${[...cuts]
      .reverse()
      .map((one) => `L${x(one.score)},${y(one[key].low)}`)
      .join("")}Z`;
  const chosen = cut === null ? undefined : cuts.findLast(({ score }) => score <= cut + 1e-9);
  return (
    <figure className="plot cut">
      <div>
        <svg
          viewBox={`-6 -18 ${w + 12} ${h + 40}`}
          role="img"
          aria-label="Purity and completeness against the lowest score taken"
        >
          <path className="band-purity" d={band("purity")} />
          <path className="band-complete" d={band("completeness")} />
          <path className="line-purity" d={line("purity")} />
          <path className="line-complete" d={line("completeness")} />
          <path className="axis" d={`M0,${h}H${w}M0,0V${h}`} />
          {cut !== null && <path className="cursor" d={`M${x(cut)},0V${h}`} />}
          <text x="0" y="-4">
            100 %
          </text>
          <text x="0" y={h + 16}>
            lowest score 0
          </text>
          <text x={w} y={h + 16} textAnchor="end">
            1
          </text>
        </svg>
        <input
          type="range"
          min="0"
          max="1"
          step="0.01"
          value={cut ?? 0}
          aria-label="Lowest score that is taken"
          aria-valuetext={cut === null ? "no cut" : cut.toFixed(2)}
          onChange={(event) => onCut(Number(event.target.value))}
        />
      </div>
      <figcaption>
        <b className="tone-purity">Purity</b> and <b className="tone-complete">completeness</b> with 95 % bands
        {assessment.randomPicks < FEW_RANDOM
          ? ` (wide, because only ${assessment.randomPicks} random picks are answered)`
          : ""}
        .{" "}
        {chosen === undefined
          ? "Move the slider to choose a cut."
          : `At ${cut?.toFixed(2)}: ${chosen.selected.toLocaleString("en-US")} objects, purity ${interval(chosen.purity)}, completeness ${interval(chosen.completeness)}.`}
      </figcaption>
    </figure>
  );
}
