import { go, pages } from "../../actions/route.ts";
import { SaveState } from "../../parts/save-state.tsx";
import type { LiveSession } from "../../session/use-session.ts";
import type { PanelProps } from "./filter.ts";

/** The name of the search, how many objects are listed, and the way to its other pages. */
export function TitleBar({ session, total }: { session: LiveSession; total: number }) {
  const { state } = session;
  return (
    <div className="bar" role="toolbar" aria-label="Ranking">
      <h1>{state.target}</h1>
      <span className="hint">{total.toLocaleString("en-US")} objects</span>
      <span className="grow" />
      <SaveState session={session} />
      <button type="button" onClick={() => go(pages.map(state.survey, state.session))}>
        Map
      </button>
      <button type="button" className="main" onClick={() => go(pages.label(state.session))}>
        Back to labelling
      </button>
    </div>
  );
}

/** The conditions that are used most: label and score. */
export function QuickFilter({ filter, onFilter }: PanelProps) {
  return (
    <>
      <label>
        <span>Label</span>
        <select value={filter.label} onChange={(event) => onFilter({ ...filter, label: event.target.value })}>
          <option value="">any</option>
          <option value="none">none</option>
          <option value="positive">positive</option>
          <option value="negative">negative</option>
          <option value="unsure">unsure</option>
        </select>
      </label>
      {(["minScore", "maxScore"] as const).map((end) => (
        <label key={end}>
          <span>{end === "minScore" ? "Score from" : "to"}</span>
          <input
            type="number"
            min="0"
            max="1"
            step="0.05"
            aria-label={end === "minScore" ? "Score from" : "Score to"}
            value={filter[end]}
            onChange={(event) => onFilter({ ...filter, [end]: event.target.value })}
          />
        </label>
      ))}
    </>
  );
}
