import { useState } from "react";
import { type Keys, recallKeys } from "../../actions/keys.ts";
import { useWho } from "../../actions/memory.ts";
import { go, pages, useTitle } from "../../actions/route.ts";
import { useKeys } from "../../actions/use-keys.ts";
import { usePaint } from "../../actions/use-paint.ts";
import { PageFailure } from "../../parts/failure.tsx";
import { type Outlines, useOutlines } from "../../parts/field/use-outlines.ts";
import { Help } from "../../parts/help.tsx";
import { ObjectView } from "../../parts/object/object-view.tsx";
import { Notice } from "../../parts/save-state.tsx";
import { Tags } from "../../parts/tags.tsx";
import { Tile } from "../../parts/tile.tsx";
import { type LiveSession, useSession } from "../../session/use-session.ts";
import { AskNext } from "./ask-next.tsx";
import { PhoneBar } from "./phone-bar.tsx";
import { type PictureSettings, usePictureSettings } from "./picture-size.tsx";
import { Side } from "./side.tsx";
import { Toolbar } from "./toolbar.tsx";
import { CYCLE, useGrid } from "./use-grid.ts";
import { type Shown, useView } from "./use-view.ts";
import "./label.css";

/** Opens a session by its id, then shows the objects of its round to be answered. */
export function LabelPage({ id }: { id: string }) {
  const { session, failure } = useSession(id, useWho());
  useTitle(session?.state.target);
  if (session !== null) return <Labelling session={session} />;
  if (failure !== null) return <PageFailure what="This search cannot be opened" why={failure} />;
  return <p className="hint">Opening…</p>;
}

/** What lies over the page. */
type Over = { what: "keys" } | { what: "ask" } | { what: "tags" | "object"; object: string } | null;

function Labelling({ session }: { session: LiveSession }) {
  const shown = useView(session);
  const { view, picks } = shown;
  const about = `${session.page?.round} ${view.kind} ${view.kind === "round" ? view.round : ""}`;
  const grid = useGrid(session, picks, about);
  const { current, answered } = grid;
  const pictures = usePictureSettings();
  const outlines = useOutlines(
    session.state.survey,
    picks.map(({ object }) => object),
  );
  const { survey, session: id } = session.state;
  const inField = (object: string) =>
    outlines.candidates.has(object) && go(pages.field(survey, { session: id, object }));
  const [keys, setKeys] = useState<Keys>(recallKeys);
  const [over, setOver] = useState<Over>(null);
  const open = (object: string) => setOver({ what: "object", object });
  const next = () => {
    if (view.kind !== "now") shown.setView({ kind: "now" });
    else if (answered === 0 && picks.length > 0 && session.ahead === null) setOver({ what: "ask" });
    else session.next();
  };
  useKeys({
    ArrowRight: () => grid.move(1),
    ArrowLeft: () => grid.move(-1),
    ArrowDown: () => grid.move(0, 1),
    ArrowUp: () => grid.move(0, -1),
    [keys.positive]: () => grid.advance("positive"),
    [keys.negative]: () => grid.advance("negative"),
    [keys.unsure]: () => grid.advance("unsure"),
    [keys.artefact]: grid.artefact,
    [keys.clear]: () => grid.give("clear"),
    [keys.rest]: grid.rest,
    [keys.tag]: () => current !== undefined && setOver({ what: "tags", object: current }),
    [keys.open]: () => current !== undefined && open(current),
    [keys.outlines]: outlines.toggle,
    [keys.field]: () => current !== undefined && inField(current),
    [keys.undo]: session.undo,
    [keys.redo]: session.redo,
    "Ctrl+z": session.undo,
    "Ctrl+Z": session.redo,
    "Ctrl+y": session.redo,
    [keys.next]: next,
    [keys.help]: () => setOver({ what: "keys" }),
  });
  return (
    <div className="work">
      <section className="stage" aria-label="Objects of this round">
        <Toolbar session={session} shown={shown} answered={answered} keys={keys} onRest={grid.rest} onNext={next} />
        <Scoring session={session} />
        <Notice session={session} />
        <Nothing session={session} shown={shown} />
        <Grid session={session} shown={shown} grid={grid} pictures={pictures} outlines={outlines} onOpen={open} />
        <PhoneBar onLabel={grid.advance} onOpen={() => current !== undefined && open(current)} />
      </section>
      <Side
        session={session}
        pictures={pictures}
        onArtefact={current === undefined ? null : grid.artefact}
        onTags={current === undefined ? null : () => setOver({ what: "tags", object: current })}
        outlines={outlines.candidates.size === 0 ? null : outlines}
        onField={current === undefined ? null : () => inField(current)}
        onKeys={() => setOver({ what: "keys" })}
        onOpen={open}
      />
      <Overlay
        session={session}
        shown={shown}
        over={over}
        setOver={setOver}
        keys={keys}
        onKeys={setKeys}
        onRest={grid.rest}
      />
    </div>
  );
}

function Scoring({ session: { work } }: { session: LiveSession }) {
  return (
    <progress
      className="scoring"
      hidden={work?.stage !== "score"}
      max={work?.total ?? 1}
      value={work?.done ?? 0}
      aria-label="Scoring the whole survey"
    />
  );
}

function Nothing({ session, shown: { view, picks, failure } }: { session: LiveSession; shown: Shown }) {
  if (failure !== null) return <p className="notice">{failure}</p>;
  if (picks.length > 0) return null;
  const text = {
    now: session.page === null ? "Press “Next round” to see the first picks." : "Every object has been looked at.",
    round: "Opening…",
    skipped: "Nothing was skipped.",
    undecided: "People agree, or most of them do.",
  }[view.kind];
  return <p className="hint">{text}</p>;
}

interface GridProps {
  session: LiveSession;
  shown: Shown;
  grid: ReturnType<typeof useGrid>;
  pictures: PictureSettings;
  outlines: Outlines;
  onOpen(object: string): void;
}

function Grid({ session, shown: { picks }, grid, pictures: { size, magnify }, outlines, onOpen }: GridProps) {
  const { state, labelOf, tagsOf } = session;
  const paint = usePaint((object) => CYCLE[labelOf(object) ?? "none"], session.label);
  const disputed = new Set(state.conflicts.map(({ object }) => object));
  return (
    <div className="grid" ref={grid.grid} {...paint} style={{ "--tile": `${size}px` } as React.CSSProperties}>
      {picks.map(({ object, score, reason }, index) => (
        <Tile
          key={object}
          survey={state.survey}
          object={object}
          size={size}
          magnify={magnify}
          label={labelOf(object)}
          pending={session.isPending(object)}
          focused={index === grid.at}
          caption={score === null ? object : score.toFixed(3)}
          badge={disputed.has(object) ? "two opinions" : reason === "random" ? "random" : undefined}
          tags={tagsOf(object)}
          candidate={outlines.shown ? outlines.candidates.get(object) : undefined}
          onClick={grid.click}
          onOpen={onOpen}
        />
      ))}
    </div>
  );
}

interface OverlayProps {
  session: LiveSession;
  shown: Shown;
  over: Over;
  setOver(over: Over): void;
  keys: Keys;
  onKeys(keys: Keys): void;
  onRest(): void;
}

/** The dialog that is open. */
function Overlay({ session, shown: { picks }, over, setOver, keys, onKeys, onRest }: OverlayProps) {
  const { state } = session;
  const close = () => setOver(null);
  if (over === null) return null;
  if (over.what === "keys") return <Help keys={keys} onKeys={onKeys} onClose={close} />;
  if (over.what === "ask")
    return (
      <AskNext
        count={picks.length}
        onRest={() => {
          onRest();
          close();
        }}
        onNext={() => {
          session.next();
          close();
        }}
        onClose={close}
      />
    );
  const { object } = over;
  if (over.what === "tags")
    return (
      <Tags
        object={object}
        tags={session.tagsOf(object)}
        known={Object.values(state.labels).flatMap(({ tags }) => tags)}
        onTag={(tag, on) => session.tag(object, tag, on)}
        onClose={close}
      />
    );
  return (
    <ObjectView
      survey={state.survey}
      object={object}
      model={state.model}
      session={state.session}
      lastSeq={state.lastSeq}
      label={session.labelOf(object)}
      onLabel={(value) => session.label([object], value)}
      list={picks.map((pick) => pick.object)}
      onOther={(other) => setOver({ what: "object", object: other })}
      onClose={close}
    />
  );
}
