import { useCallback, useEffect, useRef, useState } from "react";
import type { LabelValue } from "../../src/contract/api.ts";
import { type Keys, recallKeys } from "../actions/keys.ts";
import { recall, remember, whoAmI } from "../actions/memory.ts";
import { go } from "../actions/route.ts";
import { useKeys } from "../actions/use-keys.ts";
import { usePaint } from "../actions/use-paint.ts";
import { type LiveSession, useSession } from "../actions/use-session.ts";
import { AlphaSlider } from "../parts/alpha.tsx";
import { Help } from "../parts/help.tsx";
import { LearningPanel } from "../parts/learning.tsx";
import { ObjectView } from "../parts/object-view.tsx";
import { RoundTable } from "../parts/rounds.tsx";
import { SaveState } from "../parts/save-state.tsx";
import { Tags } from "../parts/tags.tsx";
import { Tile } from "../parts/tile.tsx";

/** Labelling page by page. */
export function LabelPage({ id }: { id: string }) {
  const { session, failure } = useSession(id, whoAmI());
  if (session === null) return <p className="notice">{failure === null ? "Opening…" : `This session cannot be opened: ${failure}.`}</p>;
  return <Labelling session={session} />;
}

const CYCLE: Record<string, LabelValue> = { none: "positive", positive: "negative", negative: "clear", unsure: "clear" };

function Labelling({ session }: { session: LiveSession }) {
  const { state, page, labelOf, tagsOf, hold } = session;
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
  useEffect(() => remember("size", size), [size]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round starts at its first object
  useEffect(() => setFocus(0), [page?.round]);

  const give = useCallback((object: string, value: LabelValue) => session.label([{ object, value }]), [session]);
  const advance = useCallback(
    (value: LabelValue) => {
      if (current === undefined) return;
      give(current, value);
      const order = [...picks.slice(at + 1), ...picks.slice(0, at)];
      const next = order.find(({ object }) => labelOf(object) === null);
      if (next !== undefined) setFocus(picks.indexOf(next));
    },
    [current, give, picks, at, labelOf],
  );
  const rest = useCallback(() => {
    const open = picks.filter(({ object }) => labelOf(object) === null);
    if (open.length > 0) session.label(open.map(({ object }) => ({ object, value: "negative" as const })));
  }, [picks, labelOf, session]);

  const click = useCallback(
    (object: string, event: React.MouseEvent) => {
      const index = picks.findIndex((pick) => pick.object === object);
      setFocus(index);
      const before = last.current;
      if (event.shiftKey && before !== null) {
        const [from, to] = [Math.min(before.index, index), Math.max(before.index, index)];
        session.label(picks.slice(from, to + 1).map((pick) => ({ object: pick.object, value: before.value })));
        return;
      }
      const value = CYCLE[labelOf(object) ?? "none"];
      last.current = { index, value };
      give(object, value);
    },
    [picks, labelOf, give, session],
  );
  const hover = useCallback(
    (object: string, over: boolean) => {
      if (over) hold.current.add(object);
      else if (labelOf(object) === null) hold.current.delete(object);
    },
    [hold, labelOf],
  );
  const perRow = () => {
    const tiles = grid.current?.children;
    if (tiles === undefined || tiles.length === 0) return 1;
    const top = (tiles[0] as HTMLElement).offsetTop;
    return Math.max(1, Array.from(tiles).filter((tile) => (tile as HTMLElement).offsetTop === top).length);
  };
  const move = (by: number) => setFocus(Math.max(0, Math.min(picks.length - 1, at + by)));

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
    [keys.next]: session.next,
    [keys.help]: () => setHelp(true),
  });
  const paint = usePaint(
    (object) => CYCLE[labelOf(object) ?? "none"],
    (objects, value) => session.label(objects.map((object) => ({ object, value }))),
  );
  useEffect(() => {
    if (document.activeElement?.classList.contains("face"))
      grid.current?.querySelector<HTMLElement>(`.tile:nth-child(${at + 1}) .face`)?.focus({ preventScroll: false });
  }, [at]);

  const answered = picks.filter(({ object }) => labelOf(object) !== null).length;
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
          <button type="button" disabled={!state.canUndo} onClick={session.undo} aria-label="Undo" title={`Undo (${keys.undo})`}>
            ↶
          </button>
          <button type="button" disabled={!state.canRedo} onClick={session.redo} aria-label="Redo" title={`Redo (${keys.redo})`}>
            ↷
          </button>
          <button type="button" onClick={rest} disabled={answered === picks.length} title={`The rest is negative (${keys.rest})`}>
            Rest negative
          </button>
          <button type="button" className="main" disabled={session.work !== null} onClick={session.next} title={`Next round (${keys.next})`}>
            {session.work === null
              ? "Next round"
              : session.work.stage === "score"
                ? `Scoring ${Math.round((100 * session.work.done) / session.work.total)} %`
                : "Learning…"}
          </button>
        </div>
        {session.notice !== null && (
          <p className="notice" role="alert">
            {session.notice}{" "}
            <button type="button" className="quiet" onClick={session.dismiss}>
              Dismiss
            </button>
          </p>
        )}
        {picks.length === 0 && <p className="hint">{page === null ? "Press “Next round” to see the first picks." : "Every object has been looked at."}</p>}
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
              badge={reason === "random" ? "random" : undefined}
              tags={tagsOf(object)}
              onClick={click}
              onOpen={setOpen}
              onHover={hover}
            />
          ))}
        </div>
      </section>
      <aside className="side" aria-label="How the search goes">
        <p className="counts">
          <b className="yes">{state.positives}</b> positive · <b className="no">{state.negatives}</b> negative · {state.unsure} unsure
        </p>
        <button type="button" className="main" onClick={() => go(`/session/${state.session}/results`)}>
          Ranking and export
        </button>
        <AlphaSlider id="alpha" alpha={state.alpha} answers={state.pageSize} onChange={session.setAlpha} />
        <LearningPanel session={state.session} learned={session.learned} />
        <RoundTable rounds={state.rounds} />
        {state.conflicts.length > 0 && (
          <section>
            <h2>Two opinions</h2>
            <ul className="plain">
              {state.conflicts.map(({ object, opinions }) => (
                <li key={object}>
                  {object}: {opinions.map(({ who, value }) => `${who} ${value}`).join(", ")}
                </li>
              ))}
            </ul>
          </section>
        )}
        <div>
          <button type="button" className="quiet" onClick={() => go(`/map/${encodeURIComponent(state.survey)}?session=${encodeURIComponent(state.session)}`)}>
            Map
          </button>
          <button type="button" className="quiet" disabled={current === undefined} onClick={() => current !== undefined && setTagging(current)}>
            Tags
          </button>
          <button type="button" className="quiet" onClick={() => setHelp(true)}>
            Keys
          </button>
        </div>
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
          label={labelOf(open)}
          onLabel={(value) => give(open, value)}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
