import type { LiveSession } from "../session/use-session.ts";
import "./save-state.css";

const labels = (n: number): string => (n === 1 ? "1 label is" : `${n} labels are`);

/** Whether every label is on the server's disk. Says "All saved" only when the server has acknowledged all of them. */
export function SaveState({ session: { pending, connected, trouble, refused } }: { session: LiveSession }) {
  const [tone, text] = ((): ["off" | "busy" | "ok", string] => {
    if (!connected)
      return [
        "off",
        `Server out of reach; ${pending === 0 ? "nothing is lost" : `${labels(pending)} kept here and sent when it is back`}`,
      ];
    if (trouble !== null) return ["off", `Not saved: ${labels(pending)} kept here and sent again`];
    if (pending > 0) return ["busy", `Saving ${pending}…`];
    return refused.list.length > 0 ? ["off", `${labels(refused.list.length)} not accepted`] : ["ok", "All saved"];
  })();
  return (
    <span className={`save ${tone}`} role="status">
      {text}
    </span>
  );
}

/** What the server could not write, or refused, or could not do; and that somebody else has gone on. */
export function Notice({ session }: { session: LiveSession }) {
  const { notice, ahead, dismiss, trouble, refused, canLabel } = session;
  return (
    <>
      {!canLabel && (
        <p className="notice">You are a viewer here: you see what is found, and an owner can let you label.</p>
      )}
      {trouble !== null && !trouble.offline && (
        <p className="notice" role="alert">
          {trouble.message}. Your labels stay here and are sent again.
        </p>
      )}
      {refused.list.length > 0 && <RefusedLabels refused={refused} />}
      {notice !== null && (
        <p className="notice" role="alert">
          {notice}{" "}
          <button type="button" className="quiet" onClick={dismiss}>
            Dismiss
          </button>
        </p>
      )}
      {ahead !== null && (
        <p className="notice" role="status">
          Round {ahead} has begun in another window. Finish here first, if you like: labels count wherever they are
          given.
        </p>
      )}
    </>
  );
}

function RefusedLabels({ refused: { list, retry, discard } }: { refused: LiveSession["refused"] }) {
  const shown = list.slice(0, 3).map(({ op }) => `${op.object} (${op.value ?? op.addTag ?? op.removeTag})`);
  return (
    <div className="notice" role="alert">
      <p>
        Not accepted: {shown.join(", ")}
        {list.length > 3 && ` and ${list.length - 3} more`}. {list[0].message}.
      </p>
      <button type="button" onClick={retry}>
        Try again
      </button>{" "}
      <button type="button" className="quiet" onClick={discard}>
        Discard
      </button>
    </div>
  );
}
