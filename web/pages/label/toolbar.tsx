import type { Keys } from "../../actions/keys.ts";
import { useMay } from "../../actions/me.ts";
import { SaveState } from "../../parts/save-state.tsx";
import type { LiveSession } from "../../session/use-session.ts";
import type { Shown } from "./use-view.ts";

interface Props {
  session: LiveSession;
  shown: Shown;
  answered: number;
  keys: Keys;
  onRest(): void;
  onNext(): void;
}

/** The name of the search, how far its page is, and what can be done with it. */
export function Toolbar({ session, shown, answered, keys, onRest, onNext }: Props) {
  const { state, page } = session;
  const { view, picks } = shown;
  const round = page?.round ?? state.round;
  // In a blind search nobody but the server knows beforehand whether something is undecided.
  // Until something is positive there is nothing to learn from.
  const here = picks.filter(({ object }) => session.labelOf(object) === "positive").length;
  const unusual = state.prior === undefined && picks.length > 0 && state.positives <= here;
  const canDecide = useMay("owner") && (state.conflicts.length > 0 || state.team !== undefined);
  return (
    <div className="bar" role="toolbar" aria-label="Labelling">
      <h1>{state.target}</h1>
      <span className="hint">
        {
          {
            skipped: "skipped in earlier rounds",
            undecided: "as many say yes as no",
            now: `round ${round}${unusual ? ", the most unusual first" : ""}`,
            round: `round ${view.kind === "round" ? view.round : round}`,
          }[view.kind]
        }
        {view.kind === "now" && page?.provisional === true ? ", first picks" : ""} · {answered} of {picks.length}{" "}
        answered
      </span>
      <Earlier shown={shown} round={round} />
      {canDecide && (
        <button
          type="button"
          className="quiet"
          aria-pressed={view.kind === "undecided"}
          title="Objects on which as many people say yes as no"
          onClick={() => shown.setView(view.kind === "undecided" ? { kind: "now" } : { kind: "undecided" })}
        >
          Undecided
        </button>
      )}
      <div className="actions">
        <SaveState session={session} />
        <button
          type="button"
          disabled={!session.canUndo}
          onClick={session.undo}
          aria-label="Undo"
          title={`Undo (${keys.undo})`}
        >
          ↶
        </button>
        <button
          type="button"
          disabled={!session.canRedo}
          onClick={session.redo}
          aria-label="Redo"
          title={`Redo (${keys.redo})`}
        >
          ↷
        </button>
        <button
          type="button"
          onClick={onRest}
          disabled={!session.canLabel || answered === picks.length}
          title={`The rest is negative (${keys.rest})`}
        >
          Rest negative
        </button>
        {view.kind === "now" ? (
          <button
            type="button"
            className="main"
            disabled={!session.canLabel || session.going}
            onClick={onNext}
            title={`Next round (${keys.next})`}
          >
            {session.going ? "Learning…" : session.ahead === null ? "Next round" : `Go to round ${session.ahead}`}
          </button>
        ) : (
          <button type="button" className="main" onClick={() => shown.setView({ kind: "now" })}>
            Back to round {round}
          </button>
        )}
      </div>
    </div>
  );
}

/** The way to earlier pages and to what was skipped in them. */
function Earlier({ shown: { view, setView }, round }: { shown: Shown; round: number }) {
  if (round < 2) return null;
  const at = view.kind === "round" ? view.round : round;
  return (
    <>
      <button
        type="button"
        className="quiet"
        disabled={view.kind === "round" && at === 1}
        onClick={() => setView({ kind: "round", round: Math.max(1, at - 1) })}
      >
        Previous page
      </button>
      <button
        type="button"
        className="quiet"
        aria-pressed={view.kind === "skipped"}
        title="Objects that were shown and have no label"
        onClick={() => setView(view.kind === "skipped" ? { kind: "now" } : { kind: "skipped" })}
      >
        Skipped
      </button>
    </>
  );
}
