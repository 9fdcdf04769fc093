import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, useState } from "react";
import type { LabelValue, RankedRow, Session, SessionState, SurveyInfo } from "../../src/contract/api.ts";
import type { Learning } from "../../src/contract/insight.ts";
import { whoAmI } from "../actions/memory.ts";
import { go } from "../actions/route.ts";
import { api, exportUrl, reportUrl } from "../api.ts";
import { CutPlot } from "../parts/learning.tsx";
import { ObjectView } from "../parts/object-view.tsx";
import { addFilter, ComparePanel, type Filter, FilterPanel, ImportPanel, NO_FILTER } from "../parts/result-panels.tsx";
import { Tile } from "../parts/tile.tsx";

const PAGE = 200;
const TILE = 128;
const FORMATS = [
  ["csv", "CSV"],
  ["parquet", "Parquet"],
  ["fits", "FITS"],
  ["votable", "VOTable"],
] as const;

const PANEL_NAMES = { cut: "Choose a cut", filter: "Filter", compare: "Compare", import: "Import labels" } as const;

const tagsOf = (state: SessionState | null): string[] => [...new Set(Object.values(state?.labels ?? {}).flatMap(({ tags }) => tags))].sort();

/** The whole ranking, filtered, to look through, correct and export. */
export function ResultsPage({ id }: { id: string }) {
  const [state, setState] = useState<SessionState | null>(null);
  const [label, setLabel] = useState("");
  const [minScore, setMinScore] = useState("");
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [panel, setPanel] = useState<"cut" | "filter" | "compare" | "import" | null>(null);
  const [info, setInfo] = useState<SurveyInfo | null>(null);
  const [others, setOthers] = useState<Session[]>([]);
  const [learning, setLearning] = useState<Learning | null>(null);
  const [pages, setPages] = useState<Map<number, RankedRow[]>>(new Map());
  const [total, setTotal] = useState(0);
  const [open, setOpen] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const asked = useRef(new Set<number>());

  const query = useCallback(
    (offset: number) => {
      const parameters = new URLSearchParams({ offset: String(offset), limit: String(PAGE) });
      if (label !== "") parameters.set("label", label);
      if (minScore !== "" && Number.isFinite(Number(minScore))) parameters.set("minScore", minScore);
      addFilter(parameters, filter);
      return parameters;
    },
    [label, minScore, filter],
  );
  const load = useCallback(
    async (page: number) => {
      if (asked.current.has(page)) return;
      asked.current.add(page);
      try {
        const answer = await api.ranking(id, query(page * PAGE));
        setTotal(answer.total);
        setPages((before) => new Map(before).set(page, answer.rows));
      } catch (error) {
        asked.current.delete(page);
        setFailure((error as Error).message);
      }
    },
    [id, query],
  );
  useEffect(() => {
    asked.current.clear();
    setPages(new Map());
    void load(0);
    setFailure(null);
    api.session(id, whoAmI()).then(setState, (error: Error) => setFailure(error.message));
  }, [id, load]);
  const survey = state?.survey;
  useEffect(() => {
    if (survey === undefined) return;
    const fail = (error: Error) => setFailure(error.message);
    api.surveys().then((all) => setInfo(all.find((one) => one.survey === survey) ?? null), fail);
    api.sessions().then((all) => setOthers(all.filter((one) => one.survey === survey && one.session !== id)), fail);
    api.learning(id).then(setLearning, fail);
  }, [id, survey]);

  const reload = () => {
    asked.current.clear();
    setPages(new Map());
    void load(0);
  };
  const give = async (object: string, value: LabelValue) => {
    try {
      await api.label(id, whoAmI(), [{ object, value, clientKey: crypto.randomUUID() }]);
      const shown = value === "clear" ? null : value;
      setPages((before) => new Map(Array.from(before, ([page, rows]) => [page, rows.map((row) => (row.object === object ? { ...row, label: shown } : row))])));
    } catch (error) {
      setFailure((error as Error).message);
    }
  };

  const scroller = useRef<HTMLElement>(null);
  const [columns, setColumns] = useState(6);
  useEffect(() => {
    const measure = () => setColumns(Math.max(2, Math.floor((scroller.current?.clientWidth ?? 800) / (TILE + 12))));
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  const lines = Math.ceil(total / columns);
  const virtual = useVirtualizer({ count: lines, getScrollElement: () => scroller.current, estimateSize: () => TILE + 38, overscan: 4 });
  const items = virtual.getVirtualItems();
  useEffect(() => {
    for (const { index } of items) for (const place of [index * columns, (index + 1) * columns - 1]) if (place < total) void load(Math.floor(place / PAGE));
  }, [items, columns, total, load]);
  const rowAt = (place: number) => pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  const opened = open === null ? undefined : [...pages.values()].flat().find(({ object }) => object === open);

  return (
    <div className="results">
      <div className="bar" role="toolbar" aria-label="Ranking">
        <h1>{state?.target ?? id}</h1>
        <span className="hint">{total.toLocaleString("en-US")} objects</span>
        <label>
          <span>Label</span>
          <select value={label} onChange={(event) => setLabel(event.target.value)}>
            <option value="">any</option>
            <option value="none">none</option>
            <option value="positive">positive</option>
            <option value="negative">negative</option>
            <option value="unsure">unsure</option>
          </select>
        </label>
        <label>
          <span>Score at least</span>
          <input type="number" min="0" max="1" step="0.05" value={minScore} onChange={(event) => setMinScore(event.target.value)} />
        </label>
        {(["cut", "filter", "compare", "import"] as const).map((name) => (
          <button key={name} type="button" aria-pressed={panel === name} onClick={() => setPanel(panel === name ? null : name)}>
            {PANEL_NAMES[name]}
          </button>
        ))}
        <button type="button" onClick={() => state !== null && go(`/map/${encodeURIComponent(state.survey)}?session=${encodeURIComponent(id)}`)}>
          Map
        </button>
        <span className="grow" />
        {FORMATS.map(([format, name]) => (
          <a key={format} className="button" href={exportUrl(id, format)} download>
            {name}
          </a>
        ))}
        <a className="button" href={reportUrl(id)} download>
          Report
        </a>
        <button type="button" className="main" onClick={() => go(`/session/${id}`)}>
          Back to labelling
        </button>
      </div>
      {panel === "cut" && (
        <CutPlot
          assessment={learning?.assessments.at(-1)}
          cut={minScore === "" ? null : Number(minScore)}
          onCut={(score) => setMinScore(score === 0 ? "" : String(score))}
        />
      )}
      {panel === "filter" && <FilterPanel filter={filter} columns={info?.columns ?? []} tags={tagsOf(state)} onFilter={setFilter} />}
      {panel === "compare" && <ComparePanel filter={filter} others={others} onFilter={setFilter} />}
      {panel === "import" && <ImportPanel session={id} onSaved={reload} />}
      {state !== null && !state.ranked && <p className="hint">No round has been finished yet: the scores are all zero.</p>}
      {failure !== null && (
        <p className="notice" role="alert">
          {failure}
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="scroller" ref={scroller} tabIndex={0} aria-label="Objects, best first">
        <div className="canvas" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start }) => (
            <div key={index} className="line" style={{ transform: `translateY(${start}px)` }}>
              {Array.from({ length: columns }, (_, column) => rowAt(index * columns + column)).map(
                (row) =>
                  row !== undefined &&
                  state !== null && (
                    <Tile
                      key={row.object}
                      survey={state.survey}
                      object={row.object}
                      size={TILE}
                      label={row.label}
                      caption={`${row.rank}. ${row.score.toFixed(3)}${row.otherScore == null ? "" : ` | ${row.otherScore.toFixed(3)}`}`}
                      badge={row.otherLabel == null ? undefined : `other: ${row.otherLabel}`}
                      tags={row.tags}
                      onClick={(object) => setOpen(object)}
                    />
                  ),
              )}
            </div>
          ))}
        </div>
      </section>
      {open !== null && state !== null && (
        <ObjectView
          survey={state.survey}
          object={open}
          model={state.model}
          session={id}
          label={opened?.label ?? null}
          onLabel={(value) => void give(open, value)}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
