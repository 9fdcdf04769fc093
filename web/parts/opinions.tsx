import type { SessionState } from "../../src/contract/api.ts";
import { pictureUrl } from "../client/api.ts";
import { Picture } from "./picture.tsx";
import "./opinions.css";

/** Objects about which people disagree: each opinion is kept, a click looks at the object. */
export function Opinions({ state, onOpen }: { state: SessionState; onOpen(object: string): void }) {
  if (state.conflicts.length === 0) return null;
  return (
    <section aria-labelledby="opinions-title" className="opinions">
      <h2 id="opinions-title">Two opinions</h2>
      <ul className="plain">
        {state.conflicts.slice(0, 20).map(({ object, opinions }) => (
          <li key={object}>
            <button
              type="button"
              className="quiet"
              aria-label={`Look at ${object}, about which opinions differ`}
              onClick={() => onOpen(object)}
            >
              <Picture url={pictureUrl(state.survey, object, 64)} size={40} />
            </button>
            <span>
              {object}
              <br />
              <span className="hint">{opinions.map(({ who, value }) => `${who}: ${value}`).join(", ")}</span>
            </span>
          </li>
        ))}
      </ul>
      <p className="hint">
        {state.team === undefined ? "The latest counts in learning." : "What most say counts in learning."} To agree,
        look at the object and give it the same label.
      </p>
    </section>
  );
}
