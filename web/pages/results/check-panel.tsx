import type { Filter, PanelProps } from "./filter.ts";
import { NO_FILTER } from "./filter.ts";

const CHECKS: [string, Partial<Filter>][] = [
  ["Negatives with high scores", { label: "negative", order: "score" }],
  ["Positives with low scores", { label: "positive", order: "lowest" }],
];

/** Labels that the scores contradict: slips are found among them. */
export function CheckPanel({ filter, onFilter }: PanelProps) {
  return (
    <fieldset className="panel" aria-label="Check labels">
      {CHECKS.map(([name, wanted]) => (
        <button
          key={name}
          type="button"
          aria-pressed={filter.label === wanted.label && filter.order === wanted.order}
          onClick={() => onFilter({ ...NO_FILTER, ...wanted })}
        >
          {name}
        </button>
      ))}
      <button type="button" className="quiet" onClick={() => onFilter(NO_FILTER)}>
        Show all
      </button>
      <p className="hint">
        Labels that the scores contradict come first. A click opens an object, where it is corrected.
      </p>
    </fieldset>
  );
}
