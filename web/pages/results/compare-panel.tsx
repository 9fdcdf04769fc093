import type { Session } from "../../../src/contract/api.ts";
import type { Filter, PanelProps } from "./filter.ts";

/** Another session on the survey, whose scores and labels stand beside. */
export function ComparePanel({ filter, others, onFilter }: PanelProps & { others: Session[] }) {
  const set = (change: Partial<Filter>) => onFilter({ ...filter, ...change });
  if (others.length === 0) return <p className="hint">There is no other session on this survey to compare with.</p>;
  return (
    <fieldset className="panel" aria-label="Compare">
      <label>
        <span>With</span>
        <select
          value={filter.compare}
          onChange={(event) =>
            set({
              compare: event.target.value,
              ...(event.target.value === "" ? { agreement: "", order: "score" } : {}),
            })
          }
        >
          <option value="">no session</option>
          {others.map(({ session, target, createdBy }) => (
            <option key={session} value={session}>
              {target} ({createdBy}, {session})
            </option>
          ))}
        </select>
      </label>
      {filter.compare !== "" && (
        <>
          <label>
            <span>Labels</span>
            <select value={filter.agreement} onChange={(event) => set({ agreement: event.target.value })}>
              <option value="">any</option>
              <option value="differ">differ</option>
              <option value="agree">agree</option>
            </select>
          </label>
          <label>
            <span>Order</span>
            <select value={filter.order} onChange={(event) => set({ order: event.target.value })}>
              <option value="score">score</option>
              <option value="difference">largest difference of scores</option>
            </select>
          </label>
          <p className="hint">Under each picture: rank, score here | score there.</p>
        </>
      )}
    </fieldset>
  );
}
