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
        <Dots counts={negative} className="dot-no" step={step} y={H + 7} />
        <Dots counts={positive} className="dot-yes" step={step} y={H + 17} />
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

/** A dot below each bin that holds labelled objects, larger where there are more. */
function Dots({ counts, className, step, y }: { counts: number[]; className: string; step: number; y: number }) {
  return counts.map(
    (count, bin) =>
      count > 0 && (
        <circle
          // biome-ignore lint/suspicious/noArrayIndexKey: bins are told apart by their place alone.
          key={bin}
          className={className}
          cx={(bin + 0.5) * step}
          cy={y}
          r={Math.min(4.5, 1.6 + Math.sqrt(count) * 0.7)}
        />
      ),
  );
}
