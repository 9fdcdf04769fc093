import type { Histogram } from "../../../src/contract/insight.ts";

const [W, H] = [276, 96];

/** Objects by score on a logarithmic scale, labelled ones as marks below. */
export function ScoreHistogram({ histogram: { edges, all, positive, negative } }: { histogram: Histogram }) {
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
