import { useRef, useState } from "react";
import type { Session, SessionStatus } from "../../../src/contract/api.ts";
import { useMay } from "../../actions/me.ts";
import { useWho } from "../../actions/memory.ts";
import { pages } from "../../actions/route.ts";
import { api } from "../../client/api.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Link } from "../../parts/link.tsx";

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** The searches of a survey, the newest first; archived and deleted ones on request. */
export function SessionList({ sessions, onChanged }: { sessions: Session[]; onChanged(): void }) {
  const [shown, setShown] = useState<SessionStatus>("active");
  if (sessions.length === 0) return null;
  const count = (status: SessionStatus) => sessions.filter((one) => one.status === status).length;
  const others = (["active", "archived", "deleted"] as const).filter((status) => status !== shown && count(status) > 0);
  return (
    <>
      <ul className="sessions">
        {sessions
          .filter(({ status }) => status === shown)
          .map((session) => (
            <SessionLine key={session.session} session={session} onChanged={onChanged} />
          ))}
      </ul>
      {others.length > 0 && (
        <p className="hint">
          {shown !== "active" && `Shown: ${shown} searches. `}
          {others.map((status) => (
            <button key={status} type="button" className="quiet" onClick={() => setShown(status)}>
              Show {count(status)} {status}
            </button>
          ))}
        </p>
      )}
    </>
  );
}

function SessionLine({ session: about, onChanged }: { session: Session; onChanged(): void }) {
  const { session, target, round, positives, negatives, createdBy, createdAt, status } = about;
  const [failure, setFailure] = useState<string | null>(null);
  const [asking, setAsking] = useState<"rename" | "delete" | null>(null);
  const who = useWho();
  const canLead = useMay("owner");
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => menu.current?.removeAttribute("open");
  const ask = (what: "rename" | "delete") => {
    close();
    setAsking(what);
  };
  const act = (body: () => Promise<unknown>) => {
    close();
    setAsking(null);
    body().then(onChanged, (error: Error) => setFailure(error.message));
  };
  const change = (wanted: { target?: string; status?: SessionStatus }) =>
    act(() => api.changeSession(session, { who, ...wanted }));
  return (
    <li>
      <Link href={pages.label(session)}>{target}</Link>
      <Link className="hint" href={pages.results(session)} aria-label={`Ranking of ${target}`}>
        ranking
      </Link>
      <span className="hint">
        round {round}, {positives} positive, {negatives} negative, started {day.format(new Date(createdAt))} by{" "}
        {createdBy}
      </span>
      <details
        hidden={!canLead}
        className="more"
        ref={menu}
        onBlur={({ currentTarget, relatedTarget }) => !currentTarget.contains(relatedTarget) && close()}
      >
        <summary aria-label={`More for ${target}`}>⋯</summary>
        <div>
          {status === "active" ? (
            <>
              <button type="button" className="quiet" onClick={() => ask("rename")}>
                Rename
              </button>
              <button type="button" className="quiet" onClick={() => act(() => api.copySession(session, who))}>
                Copy
              </button>
              <button type="button" className="quiet" onClick={() => change({ status: "archived" })}>
                Archive
              </button>
              <button type="button" className="quiet" onClick={() => ask("delete")}>
                Delete
              </button>
            </>
          ) : (
            <button type="button" className="quiet" onClick={() => change({ status: "active" })}>
              Restore
            </button>
          )}
        </div>
      </details>
      {failure !== null && <span role="alert">{failure}</span>}
      {asking === "rename" && (
        <Rename target={target} onName={(name) => change({ target: name })} onClose={() => setAsking(null)} />
      )}
      {asking === "delete" && (
        <Dialog title={`Delete ${target}?`} onClose={() => setAsking(null)}>
          <p>
            The search leaves this list. Its {positives + negatives} labels are kept, and it can be restored at any
            time.
          </p>
          <button type="button" className="main" onClick={() => change({ status: "deleted" })}>
            Delete
          </button>
        </Dialog>
      )}
    </li>
  );
}

function Rename({ target, onName, onClose }: { target: string; onName(name: string): void; onClose(): void }) {
  const [name, setName] = useState(target);
  return (
    <Dialog title="Rename the search" onClose={onClose}>
      <form
        className="ids"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "") onName(name.trim());
        }}
      >
        <input
          type="text"
          autoFocus
          value={name}
          maxLength={120}
          aria-label="New name"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit">Rename</button>
      </form>
    </Dialog>
  );
}
