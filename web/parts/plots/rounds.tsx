import type { RoundSummary } from "../../../src/contract/api.ts";
import { percent, percentRange, wilson } from "../percent.ts";
import "./plots.css";

/** What each round found, beside the random picks that tell what chance would have found. */
export function RoundTable({ rounds }: { rounds: RoundSummary[] }) {
  const random = rounds.reduce(
    (sum, round) => ({ shown: sum.shown + round.randomShown, hits: sum.hits + round.randomPositives }),
    { shown: 0, hits: 0 },
  );
  return (
    <section aria-labelledby="rounds-title">
      <h2 id="rounds-title">Rounds</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Round</th>
            <th scope="col">Yes</th>
            <th scope="col">No</th>
            <th scope="col">Precision</th>
            <th scope="col" title="Positives among the random picks">
              Random
            </th>
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <tr key={round.round}>
              <th scope="row">
                {round.round === 0 ? "start" : round.round}{" "}
                <span className="interval">{round.mode === "start" ? "examples" : round.mode}</span>
              </th>
              <td>{round.positives}</td>
              <td>{round.negatives}</td>
              <td
                title={
                  round.precision === null
                    ? undefined
                    : `95 % interval ${percent(round.precisionLow)} to ${percent(round.precisionHigh)}`
                }
              >
                {percent(round.precision)}
                {round.precision !== null && (
                  <span className="interval">{percentRange(round.precisionLow, round.precisionHigh)}</span>
                )}
              </td>
              <td>{round.randomShown === 0 ? "–" : `${round.randomPositives} of ${round.randomShown}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <FoundPlot rounds={rounds} chance={random.shown === 0 ? null : random.hits / random.shown} />
      <p className="hint">
        {random.shown === 0
          ? "No random picks are answered yet."
          : `Random picks: ${random.hits} of ${random.shown} were positive (${percentRange(...wilson(random.hits, random.shown))}, 95 % interval): the share that labelling at random would find.`}
      </p>
    </section>
  );
}

const [W, H] = [276, 84];

/** Positives found against answers given, beside what chance would have found. */
function FoundPlot({ rounds, chance }: { rounds: RoundSummary[]; chance: number | null }) {
  let [answers, found] = [0, 0];
  const points = rounds
    .filter(({ round, positives, negatives }) => round > 0 && positives + negatives > 0)
    .map(({ positives, negatives }) => {
      answers += positives + negatives;
      found += positives;
      return [answers, found];
    });
  if (answers === 0) return null;
  const most = Math.max(found, 1);
  const x = (count: number) => (W * count) / answers;
  const y = (count: number) => H * (1 - Math.min(1, count / most));
  return (
    <figure className="plot">
      <svg
        viewBox={`0 -6 ${W} ${H + 22}`}
        role="img"
        aria-label={`Positives found against answers: ${found} in ${answers}${chance === null ? "" : `; by chance about ${Math.round(chance * answers)}`}`}
      >
        <path className="axis" d={`M0,${H}H${W}M0,0V${H}`} />
        {chance !== null && <path className="line-chance" d={`M0,${H}L${x(answers)},${y(chance * answers)}`} />}
        <path className="line-found" d={`M0,${H}${points.map(([a, f]) => `L${x(a)},${y(f)}`).join("")}`} />
        {points.map(([a, f]) => (
          <circle key={a} className="dot-yes" cx={x(a)} cy={y(f)} r="3" />
        ))}
        <text x="4" y="4">
          {found} found
        </text>
        <text x={W} y={H + 13} textAnchor="end">
          {answers} answers
        </text>
      </svg>
      <figcaption className="hint">
        Positives found, and <b className="tone-chance">by chance</b>.
      </figcaption>
    </figure>
  );
}
