import type { LiveSession } from "../actions/use-session.ts";

/** Whether every click is on the server's disk. */
export function SaveState({ session: { pending, connected } }: { session: LiveSession }) {
  const text = !connected
    ? `Server out of reach; ${pending === 0 ? "nothing is lost" : `${pending} ${pending === 1 ? "label is" : "labels are"} kept here and sent when it is back`}`
    : pending > 0
      ? `Saving ${pending}…`
      : "All saved";
  return (
    <span className={`save ${!connected ? "off" : pending > 0 ? "busy" : "ok"}`} role="status">
      {text}
    </span>
  );
}

/** What the server refused, or could not do; and that somebody else has gone on. */
export function Notice({ session: { notice, ahead, dismiss } }: { session: LiveSession }) {
  return (
    <>
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
