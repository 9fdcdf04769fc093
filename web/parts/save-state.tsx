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
