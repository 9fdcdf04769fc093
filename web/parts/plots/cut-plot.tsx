import type { Assessment, Cut } from "../../../src/contract/insight.ts";
import { percentRange } from "../percent.ts";
import { FEW_RANDOM } from "./learning.tsx";
import "./plots.css";

const [W, H] = [420, 150];
const x = (score: number) => W * score;
const y = (share: number) => H * (1 - Math.min(1, share));

type Measure = "purity" | "completeness";

const line = (cuts: Cut[], key: Measure) =>
  cuts.map((one, i) => `${i === 0 ? "M" : "L"}${x(one.score)},${y(one[key].value)}`).join("");

const band = (cuts: Cut[], key: Measure) => {
  const upper = cuts.map((one, i) => `${i === 0 ? "M" : "L"}${x(one.score)},${y(one[key].high)}`);
  const lower = cuts.toReversed().map((one) => `L${x(one.score)},${y(one[key].low)}`);
  return `${[...upper, ...lower].join("")}Z`;
};

interface Props {
  assessment: Assessment | undefined;
  cut: number | null;
  onCut(score: number): void;
}

/** Purity and completeness against the lowest score that is taken, with a slider for it. */
export function CutPlot({ assessment, cut, onCut }: Props) {
  if (assessment === undefined || assessment.cuts.length === 0)
    return (
      <p className="hint">
        The curve of purity and completeness needs ten answers to objects that the rounds showed, of both kinds, and
        three to random picks.
      </p>
    );
  return (
    <figure className="plot cut">
      <div>
        <Curves cuts={assessment.cuts} cut={cut} />
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
        . <Chosen cuts={assessment.cuts} cut={cut} />
      </figcaption>
    </figure>
  );
}

function Chosen({ cuts, cut }: { cuts: Cut[]; cut: number | null }) {
  const chosen = cut === null ? undefined : cuts.findLast(({ score }) => score <= cut + 1e-9);
  if (cut === null || chosen === undefined) return "Move the slider to choose a cut.";
  const { selected, purity, completeness } = chosen;
  return `At ${cut.toFixed(2)}: ${selected.toLocaleString("en-US")} objects, purity ${percentRange(purity.low, purity.high)}, completeness ${percentRange(completeness.low, completeness.high)}.`;
}

function Curves({ cuts, cut }: { cuts: Cut[]; cut: number | null }) {
  return (
    <svg
      viewBox={`-6 -18 ${W + 12} ${H + 40}`}
      role="img"
      aria-label="Purity and completeness against the lowest score taken"
    >
      <path className="band-purity" d={band(cuts, "purity")} />
      <path className="band-complete" d={band(cuts, "completeness")} />
      <path className="line-purity" d={line(cuts, "purity")} />
      <path className="line-complete" d={line(cuts, "completeness")} />
      <path className="axis" d={`M0,${H}H${W}M0,0V${H}`} />
      {cut !== null && <path className="cursor" d={`M${x(cut)},0V${H}`} />}
      <text x="0" y="-4">
        100 %
      </text>
      <text x="0" y={H + 16}>
        lowest score 0
      </text>
      <text x={W} y={H + 16} textAnchor="end">
        1
      </text>
    </svg>
  );
}
