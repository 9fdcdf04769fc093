import type { FieldInfo } from "../../../src/contract/fields.ts";
import type { Keys } from "../../actions/keys.ts";
import { go, pages } from "../../actions/route.ts";
import { SaveState } from "../../parts/save-state.tsx";
import type { LiveSession } from "../../session/use-session.ts";

interface Props {
  survey: string;
  title: string;
  fields: FieldInfo[];
  field: string;
  session: LiveSession | null;
  least: number;
  onLeast(score: number): void;
  outlines: boolean;
  onOutlines(): void;
  drawing: boolean;
  onDrawing(on: boolean): void;
  onCheck(): void;
  keys: Keys;
}

/** Which image is shown, what of it, and what can be done. */
export function FieldToolbar({ survey, title, fields, field, session, keys, onCheck, ...shown }: Props) {
  const other = (name: string) => go(pages.field(survey, { ...idOf(session), field: name }));
  return (
    <div className="bar" role="toolbar" aria-label="Image">
      <h1>{title}</h1>
      {fields.length > 1 && (
        <select aria-label="Image" value={field} onChange={(event) => other(event.target.value)}>
          {fields.map(({ name, candidates }) => (
            <option key={name} value={name}>
              {name} ({candidates})
            </option>
          ))}
        </select>
      )}
      <label title="Candidates that score less are not shown">
        Score from {shown.least.toFixed(2)}
        <input
          type="range"
          min="0"
          max="1"
          step="0.01"
          value={shown.least}
          onChange={(event) => shown.onLeast(Number(event.target.value))}
        />
      </label>
      <button
        type="button"
        aria-pressed={shown.outlines}
        title={`Outlines (${keys.outlines})`}
        onClick={shown.onOutlines}
      >
        Outlines
      </button>
      {session !== null && (
        <button
          type="button"
          aria-pressed={shown.drawing}
          title="Draw a box around an object that was missed (b)"
          onClick={() => shown.onDrawing(!shown.drawing)}
        >
          Add a missed object
        </button>
      )}
      <span className="grow" />
      {session === null ? (
        <button type="button" className="main" onClick={onCheck}>
          Check the candidates
        </button>
      ) : (
        <SessionTools session={session} keys={keys} />
      )}
    </div>
  );
}

const idOf = (session: LiveSession | null) => (session === null ? {} : { session: session.state.session });

function SessionTools({ session, keys }: { session: LiveSession; keys: Keys }) {
  return (
    <>
      <SaveState session={session} />
      <button
        type="button"
        disabled={!session.canUndo}
        aria-label="Undo"
        title={`Undo (${keys.undo})`}
        onClick={session.undo}
      >
        ↶
      </button>
      <button
        type="button"
        disabled={!session.canRedo}
        aria-label="Redo"
        title={`Redo (${keys.redo})`}
        onClick={session.redo}
      >
        ↷
      </button>
      <button type="button" className="main" onClick={() => go(pages.label(session.state.session))}>
        Back to the list
      </button>
    </>
  );
}
