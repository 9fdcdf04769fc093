import type { ScorePurity } from "../../../src/contract/insight.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { useSettled } from "../../actions/use-settled.ts";
import { api } from "../../client/api.ts";
import "./plots.css";

const [W, H] = [276, 110];
const x = (score: number) => W * score;
const y = (share: number) => H * (1 - share);
/** No share is shown of fewer, as everywhere; its interval is. */
const FEWEST = 5;
const SETTLED_MS = 400;

/** How pure the candidates are that were looked at, by the detector's score; asked anew when verdicts have been saved. */
export function PurityPanel({ session, lastSeq }: { session: string; lastSeq: number }) {
  const settled = useSettled(lastSeq, SETTLED_MS);
  const { answer } = useAsked(() => api.purity(session), [session, settled], true);
  if (answer === null) return null;
  const { candidates, looked, positives, curve, lacks, leastLooked } = answer;
  return (
    <section aria-labelledby="purity-title" className="purity">
      <h2 id="purity-title">Purity by the detector's score</h2>
      <p>
        {looked.toLocaleString("en-US")} of {candidates.toLocaleString("en-US")} candidates looked at: {positives}{" "}
        positive, {looked - positives} negative.
      </p>
      {looked > 0 && <PurityPlot purity={answer} />}
      {lacks !== null && <p className="hint">{lacks}</p>}
      {curve !== null && (
        <p className="hint">
          <b className="tone-purity">Line:</b> the probability that a score stands for, by a curve through the verdicts.
          {leastLooked !== null && ` Nothing below ${leastLooked.toFixed(2)} was looked at.`}
        </p>
      )}
    </section>
  );
}

function PurityPlot({ purity: { bins, curve, leastLooked } }: { purity: ScorePurity }) {
  const seen = bins.filter(({ tries }) => tries > 0);
  const told = seen.map(({ from, to, hits, tries }) => `${from} to ${to}: ${hits} of ${tries}`).join("; ");
  const path = (points: { score: number; probability: number }[]) =>
    points.map(({ score, probability }, i) => `${i === 0 ? "M" : "L"}${x(score)},${y(probability)}`).join("");
  // The line begins where the dashes end.
  const split = curve?.findLastIndex(({ score }) => score <= (leastLooked ?? 0)) ?? 0;
  return (
    <figure className="plot">
      <svg
        viewBox={`-2 -14 ${W + 4} ${H + 46}`}
        role="img"
        aria-label={`Share of real candidates by the detector's score: ${told}`}
      >
        <path className="axis" d={`M0,${H}H${W}M0,0V${H}M0,0H${W}`} />
        {curve !== null && (
          <>
            <path className="line-chance" d={path(curve.slice(0, split + 1))} />
            <path className="line-purity" d={path(curve.slice(Math.max(0, split)))} />
          </>
        )}
        {seen.map(({ from, to, hits, tries, low, high }) => {
          const middle = x((from + to) / 2);
          return (
            <g key={from}>
              <title>{`score ${from} to ${to}: ${hits} of ${tries} real, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}`}</title>
              <path className="whisker" d={`M${middle},${y(low)}V${y(high)}`} />
              {tries >= FEWEST && <circle className="dot-yes" cx={middle} cy={y(hits / tries)} r="3.5" />}
              <text x={middle} y={H + 13} textAnchor="middle">
                {tries}
              </text>
            </g>
          );
        })}
        <text x="0" y="-3">
          100 % real
        </text>
        <text x="0" y={H + 29}>
          score 0
        </text>
        <text x={W} y={H + 29} textAnchor="end">
          1
        </text>
      </svg>
      <figcaption className="hint">
        Dots: share of those looked at that are real (of five or more), with 95 % intervals; below, how many were looked
        at.
      </figcaption>
    </figure>
  );
}
