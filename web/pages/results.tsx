import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { RankedRow, Session, SurveyInfo } from "../../src/contract/api.ts";
import type { Learning } from "../../src/contract/insight.ts";
import { useWho } from "../actions/memory.ts";
import { go, pages as places, useTitle } from "../actions/route.ts";
import { useKeys } from "../actions/use-keys.ts";
import { api, exportUrl, reportUrl } from "../client/api.ts";
import { CutPlot } from "../parts/learning.tsx";
import { ObjectView } from "../parts/object-view.tsx";
import { PredictionChoice, usePredictions } from "../parts/predictions.tsx";
import { addFilter, ComparePanel, type Filter, FilterPanel, ImportPanel, NO_FILTER } from "../parts/result-panels.tsx";
import { Notice, SaveState } from "../parts/save-state.tsx";
import { Tile } from "../parts/tile.tsx";
import { type LiveSession, useSession } from "../session/use-session.ts";

const PAGE = 200;
/** Pages of rows that are kept: those around what is looked at. */
const PAGES_KEPT = 24;
const TILE = 128;
const GAP = 12;
const FORMATS = [
  ["csv", "CSV"],
  ["parquet", "Parquet"],
  ["fits", "FITS"],
  ["votable", "VOTable"],
] as const;

const PANEL_NAMES = { cut: "Choose a cut", filter: "Filter", compare: "Compare", import: "Import labels" } as const;

/**
 * The whole ranking, filtered, to look through, correct and export. The rows are asked for at once, beside the
 * session's state.
 */
export function ResultsPage({ id }: { id: string }) {
  const { session, failure } = useSession(id, useWho());
  useTitle(session === null ? undefined : `${session.state.target}: ranking`);
  const ranking = useRanking(id, session?.learned ?? 0);
  if (session === null)
    return <p className="notice">{failure === null ? "Opening…" : `This session cannot be opened: ${failure}.`}</p>;
  return <Ranking id={id} session={session} ranking={ranking} />;
}

/** Rows of the ranking, page by page as they are needed. */
function useRanking(id: string, learned: number) {
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [pages, setPages] = useState<Map<number, RankedRow[]>>(new Map());
  const [total, setTotal] = useState<number | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const asked = useRef(new Set<number>());
  // Rows of the ranking before stand until the first of the new one are there: a page that empties itself is not what
  // somebody looks at.
  const old = useRef(false);
  const shownOf = useRef(learned);
  const [renewed, setRenewed] = useState(0);
  const query = useMemo(() => {
    const parameters = new URLSearchParams();
    addFilter(parameters, filter);
    return parameters;
  }, [filter]);
  const load = useCallback(
    async (page: number) => {
      const mine = asked.current;
      if (mine.has(page)) return;
      mine.add(page);
      try {
        const answer = await api.ranking(
          id,
          new URLSearchParams([...query, ["offset", String(page * PAGE)], ["limit", String(PAGE)]]),
        );
        // The answer to a question that is no longer asked.
        if (asked.current !== mine) return;
        const replace = old.current;
        old.current = false;
        setTotal(answer.total);
        setPages((before) => {
          const all = new Map(replace ? [] : before).set(page, answer.rows);
          for (const far of [...all.keys()]
            .sort((a, b) => Math.abs(b - page) - Math.abs(a - page))
            .slice(0, Math.max(0, all.size - PAGES_KEPT))) {
            all.delete(far);
            mine.delete(far);
          }
          return all;
        });
      } catch (error) {
        mine.delete(page);
        setFailure((error as Error).message);
      }
    },
    [id, query],
  );
  const reload = useCallback(() => {
    asked.current = new Set();
    old.current = false;
    setPages(new Map());
    setFailure(null);
    void load(0);
  }, [load]);
  useEffect(reload, [reload]);
  useEffect(() => {
    if (shownOf.current === learned) return;
    shownOf.current = learned;
    if (!total) return reload();
    asked.current = new Set();
    old.current = true;
    setFailure(null);
    setRenewed((count) => count + 1);
  }, [learned, total, reload]);
  return { filter, setFilter, query, pages, total, failure, load, reload, renewed };
}

function Ranking({
  id,
  session,
  ranking,
}: {
  id: string;
  session: LiveSession;
  ranking: ReturnType<typeof useRanking>;
}) {
  const { state } = session;
  const { filter, setFilter, query, pages, load, renewed } = ranking;
  const total = ranking.total ?? 0;
  const [panel, setPanel] = useState<keyof typeof PANEL_NAMES | null>(null);
  const [info, setInfo] = useState<SurveyInfo | null>(null);
  const [others, setOthers] = useState<Session[]>([]);
  const [learning, setLearning] = useState<Learning | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { survey } = state;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is known grows with every ranking
  useEffect(() => {
    const fail = (error: Error) => setFailure(error.message);
    api.surveys().then((all) => setInfo(all.find((one) => one.survey === survey) ?? null), fail);
    api.sessions().then((all) => setOthers(all.filter((one) => one.survey === survey && one.session !== id)), fail);
    api.learning(id).then(setLearning, fail);
  }, [id, survey, session.learned]);
  useKeys({ z: session.undo, Z: session.redo, "Ctrl+z": session.undo, "Ctrl+Z": session.redo, "Ctrl+y": session.redo });

  const scroller = useRef<HTMLElement>(null);
  const [{ columns, size }, setLayout] = useState({ columns: 6, size: TILE });
  useEffect(() => {
    const target = scroller.current;
    if (target === null) return;
    const observer = new ResizeObserver(
      ([
        {
          contentRect: { width },
        },
      ]) => {
        const columns = Math.max(3, Math.floor((width + GAP) / (TILE + GAP)));
        setLayout({ columns, size: Math.min(TILE, Math.floor((width + GAP) / columns) - GAP) });
      },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, []);
  const lines = Math.ceil(total / columns);
  const virtual = useVirtualizer({
    count: lines,
    getScrollElement: () => scroller.current,
    estimateSize: () => size + 38,
    overscan: 3,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines are as high as their pictures
  useEffect(() => virtual.measure(), [size]);
  const items = virtual.getVirtualItems();
  const [from, to] = [(items[0]?.index ?? 0) * columns, Math.min(total, ((items.at(-1)?.index ?? 0) + 1) * columns)];
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new ranking has other rows
  useEffect(() => {
    // Pages that are only flown over are not asked for.
    const timer = setTimeout(() => {
      for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) void load(page);
    }, 60);
    return () => clearTimeout(timer);
  }, [from, to, load, renewed]);
  const rowAt = (place: number) => pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  const inSight = useMemo(
    () =>
      Array.from(
        { length: Math.max(0, to - from) },
        (_, i) => pages.get(Math.floor((from + i) / PAGE))?.[(from + i) % PAGE]?.object ?? [],
      ).flat(),
    [pages, from, to],
  );
  const predictions = usePredictions(survey, inSight);
  const seen = [...pages.keys()]
    .sort((a, b) => a - b)
    .flatMap((page) => pages.get(page)?.map(({ object }) => object) ?? []);

  return (
    <div className="results">
      <div className="bar" role="toolbar" aria-label="Ranking">
        <h1>{state.target}</h1>
        <span className="hint">{total.toLocaleString("en-US")} objects</span>
        <span className="grow" />
        <SaveState session={session} />
        <button type="button" onClick={() => go(places.map(survey, id))}>
          Map
        </button>
        <button type="button" className="main" onClick={() => go(places.label(id))}>
          Back to labelling
        </button>
      </div>
      <div className="bar second" role="toolbar" aria-label="Filter and export">
        <label>
          <span>Label</span>
          <select value={filter.label} onChange={(event) => setFilter({ ...filter, label: event.target.value })}>
            <option value="">any</option>
            <option value="none">none</option>
            <option value="positive">positive</option>
            <option value="negative">negative</option>
            <option value="unsure">unsure</option>
          </select>
        </label>
        <label>
          <span>Score from</span>
          <input
            type="number"
            min="0"
            max="1"
            step="0.05"
            value={filter.minScore}
            onChange={(event) => setFilter({ ...filter, minScore: event.target.value })}
          />
        </label>
        <label>
          <span>to</span>
          <input
            type="number"
            min="0"
            max="1"
            step="0.05"
            aria-label="Score to"
            value={filter.maxScore}
            onChange={(event) => setFilter({ ...filter, maxScore: event.target.value })}
          />
        </label>
        <PredictionChoice {...predictions} />
        {(["cut", "filter", "compare", "import"] as const).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={panel === name}
            onClick={() => setPanel(panel === name ? null : name)}
          >
            {PANEL_NAMES[name]}
          </button>
        ))}
        <span className="grow" />
        <span className="export">
          <span className="hint">
            {query.size === 0 ? "Export all as" : `Export these ${total.toLocaleString("en-US")} as`}
          </span>
          {FORMATS.map(([format, name]) => (
            <a key={format} className="button" href={exportUrl(id, format, query)} download>
              {name}
            </a>
          ))}
          <a className="button" href={reportUrl(id)} download>
            Report
          </a>
        </span>
      </div>
      {panel === "cut" && (
        <CutPlot
          assessment={learning?.assessments.at(-1)}
          cut={filter.minScore === "" ? null : Number(filter.minScore)}
          onCut={(score) => setFilter({ ...filter, minScore: score === 0 ? "" : String(score) })}
        />
      )}
      {panel === "filter" && (
        <FilterPanel filter={filter} columns={info?.columns ?? []} tags={tagsOf(session)} onFilter={setFilter} />
      )}
      {panel === "compare" && <ComparePanel filter={filter} others={others} onFilter={setFilter} />}
      {panel === "import" && <ImportPanel session={id} onSaved={ranking.reload} />}
      {!state.ranked && <p className="hint">No round has been finished yet: the scores are all zero.</p>}
      <Notice session={session} />
      {(failure ?? ranking.failure) !== null && (
        <p className="notice" role="alert">
          {failure ?? ranking.failure}
        </p>
      )}
      {ranking.total === 0 && <p className="hint">Nothing in the ranking is like this.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="scroller" ref={scroller} tabIndex={0} aria-label="Objects, best first">
        <div
          className="canvas"
          style={{ height: virtual.getTotalSize(), "--tile": `${size}px` } as React.CSSProperties}
        >
          {items.map(({ index, start }) => (
            <div key={index} className="line" style={{ transform: `translateY(${start}px)` }}>
              {Array.from({ length: Math.min(columns, total - index * columns) }, (_, column) => {
                const row = rowAt(index * columns + column);
                // biome-ignore lint/suspicious/noArrayIndexKey: a place without a row yet is its place
                if (row === undefined) return <div key={`empty ${column + 1}`} className="tile empty" />;
                return (
                  <Tile
                    key={row.object}
                    survey={survey}
                    object={row.object}
                    size={size}
                    label={session.labelOf(row.object)}
                    pending={session.isPending(row.object)}
                    caption={`${row.rank}. ${row.score.toFixed(3)}${row.otherScore == null ? "" : ` | ${row.otherScore.toFixed(3)}`}`}
                    badge={row.otherLabel == null ? predictions.textOf(row.object) : `other: ${row.otherLabel}`}
                    tags={session.tagsOf(row.object)}
                    onClick={setOpen}
                  />
                );
              })}
            </div>
          ))}
        </div>
      </section>
      {open !== null && (
        <ObjectView
          survey={survey}
          object={open}
          model={state.model}
          session={id}
          lastSeq={state.lastSeq}
          label={session.labelOf(open)}
          onLabel={(value) => session.label([open], value)}
          list={seen}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

const tagsOf = ({ state }: LiveSession): string[] =>
  [...new Set(Object.values(state.labels).flatMap(({ tags }) => tags))].sort();
