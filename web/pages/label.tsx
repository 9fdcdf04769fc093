import { useCallback, useEffect, useRef, useState } from "react";
import type { LabelValue } from "../../src/contract/api.ts";
import { type Keys, recallKeys } from "../actions/keys.ts";
import { recall, remember, useWho } from "../actions/memory.ts";
import { go, pages, useTitle } from "../actions/route.ts";
import { useKeys } from "../actions/use-keys.ts";
import { usePaint } from "../actions/use-paint.ts";
import { AlphaSlider, NextPreview } from "../parts/alpha.tsx";
import { Help } from "../parts/help.tsx";
import { LearningPanel } from "../parts/learning.tsx";
import { ObjectView } from "../parts/object-view.tsx";
import { Opinions } from "../parts/opinions.tsx";
import { RoundTable } from "../parts/rounds.tsx";
import { Notice, SaveState } from "../parts/save-state.tsx";
import { Tags } from "../parts/tags.tsx";
import { Tile } from "../parts/tile.tsx";
import { type LiveSession, useSession } from "../session/use-session.ts";

/** Opens a session by its id, then shows the objects of its round to be answered. */
export function LabelPage({ id }: { id: string }) {
  const { session, failure } = useSession(id, useWho());
  useTitle(session?.state.target);
  if (session === null)
    return <p className="notice">{failure === null ? "Opening…" : `This session cannot be opened: ${failure}.`}</p>;
  return <Labelling session={session} />;
}

const CYCLE: Record<string, LabelValue> = {
  none: "positive",
  positive: "negative",
  negative: "clear",
  unsure: "clear",
};

function Labelling({ session }: { session: LiveSession }) {
  const { state, page, labelOf, tagsOf } = session;
  const [size, setSize] = useState<number>(recall("size", 128));
  const [focus, setFocus] = useState(0);
  const [open, setOpen] = useState<string | null>(null);
  const [help, setHelp] = useState(false);
  const [tagging, setTagging] = useState<string | null>(null);
  const [keys, setKeys] = useState<Keys>(recallKeys);
  const grid = useRef<HTMLDivElement>(null);
  const last = useRef<{ index: number; value: LabelValue } | null>(null);
  const picks = page?.picks ?? [];
  const at = Math.min(focus, Math.max(0, picks.length - 1));
  const current = picks[at]?.object;
  const disputed = new Set(state.conflicts.map(({ object }) => object));
  useEffect(() => remember("size", size), [size]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round starts at its first object
  useEffect(() => {
    setFocus(0);
    last.current = null;
  }, [page?.round]);

  const give = useCallback((object: string, value: LabelValue) => session.label([object], value), [session]);
  /** Moves to a place by key, and brings it into view. */
  const moveTo = (place: number) => {
    setFocus(place);
    const face = grid.current?.children[place]?.querySelector<HTMLElement>(".face");
    face?.scrollIntoView({ block: "nearest" });
    if (document.activeElement?.classList.contains("face")) face?.focus({ preventScroll: true });
  };
  const move = (by: number) => moveTo(Math.max(0, Math.min(picks.length - 1, at + by)));
  const advance = (value: LabelValue) => {
    if (current === undefined) return;
    give(current, value);
    const order = [...picks.slice(at + 1), ...picks.slice(0, at)];
    const next = order.find(({ object }) => labelOf(object) === null);
    if (next !== undefined) moveTo(picks.indexOf(next));
  };
  const rest = () => {
    const unanswered = picks.flatMap(({ object }) => (labelOf(object) === null ? [object] : []));
    if (unanswered.length > 0) session.label(unanswered, "negative");
  };
  const click = useCallback(
    (object: string, event: React.MouseEvent) => {
      const index = picks.findIndex((pick) => pick.object === object);
      setFocus(index);
      const before = last.current;
      if (event.shiftKey && before !== null) {
        const [from, to] = [Math.min(before.index, index), Math.max(before.index, index)];
        session.label(
          picks.slice(from, to + 1).map((pick) => pick.object),
          before.value,
        );
        return;
      }
      const value = CYCLE[labelOf(object) ?? "none"];
      last.current = { index, value };
      give(object, value);
    },
    [picks, labelOf, give, session],
  );
  const perRow = () => {
    const tiles = grid.current?.children;
    if (tiles === undefined || tiles.length === 0) return 1;
    const top = (tiles[0] as HTMLElement).offsetTop;
    return Math.max(1, Array.from(tiles).filter((tile) => (tile as HTMLElement).offsetTop === top).length);
  };

  useKeys({
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
    ArrowDown: () => move(perRow()),
    ArrowUp: () => move(-perRow()),
    [keys.positive]: () => advance("positive"),
    [keys.negative]: () => advance("negative"),
    [keys.unsure]: () => advance("unsure"),
    [keys.clear]: () => current !== undefined && give(current, "clear"),
    [keys.rest]: rest,
    [keys.tag]: () => current !== undefined && setTagging(current),
    [keys.open]: () => current !== undefined && setOpen(current),
    [keys.undo]: session.undo,
    [keys.redo]: session.redo,
    "Ctrl+z": session.undo,
    "Ctrl+Z": session.redo,
    "Ctrl+y": session.redo,
    [keys.next]: session.next,
    [keys.help]: () => setHelp(true),
  });
  const paint = usePaint((object) => CYCLE[labelOf(object) ?? "none"], session.label);

  const answered = picks.filter(({ object }) => labelOf(object) !== null).length;
  const { work } = session;
  return (
    <div className="work">
      <section className="stage" aria-label="Objects of this round">
        <div className="bar" role="toolbar" aria-label="Labelling">
          <h1>{state.target}</h1>
          <span className="hint">
            round {page?.round ?? state.round}
            {page?.provisional ? ", first picks" : ""} · {answered} of {picks.length} answered
          </span>
          <span className="grow" />
          <SaveState session={session} />
          <label className="size">
            <input
              type="range"
              min="64"
              max="256"
              step="32"
              value={size}
              aria-label="Size of the pictures"
              onChange={(event) => setSize(Number(event.target.value))}
            />
          </label>
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
            onClick={rest}
            disabled={answered === picks.length}
            title={`The rest is negative (${keys.rest})`}
          >
            Rest negative
          </button>
          <button
            type="button"
            className="main"
            disabled={work?.stage === "learn"}
            onClick={session.next}
            title={`Next round (${keys.next})`}
          >
            {work?.stage === "learn"
              ? "Learning…"
              : session.ahead === null
                ? "Next round"
                : `Go to round ${session.ahead}`}
          </button>
        </div>
        <progress
          className="scoring"
          hidden={work?.stage !== "score"}
          max={work?.total ?? 1}
          value={work?.done ?? 0}
          aria-label="Scoring the whole survey"
        />
        <Notice session={session} />
        {picks.length === 0 && (
          <p className="hint">
            {page === null ? "Press “Next round” to see the first picks." : "Every object has been looked at."}
          </p>
        )}
        <div className="grid" ref={grid} {...paint} style={{ "--tile": `${size}px` } as React.CSSProperties}>
          {picks.map(({ object, score, reason }, index) => (
            <Tile
              key={object}
              survey={state.survey}
              object={object}
              size={size}
              label={labelOf(object)}
              pending={session.isPending(object)}
              focused={index === at}
              caption={score === null ? object : score.toFixed(3)}
              badge={disputed.has(object) ? "two opinions" : reason === "random" ? "random" : undefined}
              tags={tagsOf(object)}
              onClick={click}
              onOpen={setOpen}
            />
          ))}
        </div>
      </section>
      <aside className="side" aria-label="How the search goes">
        <p className="counts">
          <b className="yes">{state.positives}</b> positive · <b className="no">{state.negatives}</b> negative ·{" "}
          {state.unsure} unsure
        </p>
        <div className="ways">
          <button type="button" onClick={() => go(pages.results(state.session))}>
            Ranking and export
          </button>
          <button type="button" onClick={() => go(pages.map(state.survey, state.session))}>
            Map
          </button>
          <button
            type="button"
            disabled={current === undefined}
            onClick={() => current !== undefined && setTagging(current)}
          >
            Tags
          </button>
          <button type="button" onClick={() => setHelp(true)}>
            Keys
          </button>
        </div>
        <LearningPanel session={state.session} learned={session.learned} />
        <RoundTable rounds={state.rounds} />
        <AlphaSlider
          id="alpha"
          alpha={state.alpha}
          answers={state.pageSize}
          onChange={session.setAlpha}
          preview={(alpha) => (
            <NextPreview state={state} round={page?.round ?? 0} learned={session.learned} alpha={alpha} />
          )}
        />
        <Opinions state={state} onOpen={setOpen} />
      </aside>
      {help && <Help keys={keys} onKeys={setKeys} onClose={() => setHelp(false)} />}
      {tagging !== null && (
        <Tags
          object={tagging}
          tags={tagsOf(tagging)}
          known={Object.values(state.labels).flatMap(({ tags }) => tags)}
          onTag={(tag, on) => session.tag(tagging, tag, on)}
          onClose={() => setTagging(null)}
        />
      )}
      {open !== null && (
        <ObjectView
          survey={state.survey}
          object={open}
          model={state.model}
          session={state.session}
          lastSeq={state.lastSeq}
          label={labelOf(open)}
          onLabel={(value) => give(open, value)}
          list={picks.map(({ object }) => object)}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
