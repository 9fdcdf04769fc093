import { useState } from "react";
import type { Column, LabelValue } from "../../../src/contract/api.ts";
import { newKey, useWho } from "../../actions/memory.ts";
import { go, pages, useTitle } from "../../actions/route.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { useKeys } from "../../actions/use-keys.ts";
import { api } from "../../client/api.ts";
import { ColumnOptions } from "../../parts/column-options.tsx";
import { PageFailure } from "../../parts/failure.tsx";
import { MapCanvas } from "../../parts/map/map-canvas.tsx";
import type { CanvasPoint } from "../../parts/map/points.ts";
import { ObjectView } from "../../parts/object/object-view.tsx";
import { Notice, SaveState } from "../../parts/save-state.tsx";
import { type LiveSession, useSession } from "../../session/use-session.ts";
import { HoverPicture } from "./hover-picture.tsx";
import { LassoSide } from "./lasso-side.tsx";
import { LegendView } from "./legend.tsx";
import { type Legend, type Method, useColours, usePoints } from "./use-map.ts";

const SHOWN = 60;
const PER_QUESTION = 500;

/** The survey by its features; with a session, coloured by its scores and labels, and labelled by lasso. */
export function MapPage({ survey, session }: { survey: string; session: string | null }) {
  const { answer: info, failure: closed } = useAsked(() => api.survey(survey), [survey]);
  const { session: live, failure: unknown } = useSession(session, useWho());
  const [method, setMethod] = useState<Method>("pca");
  const [by, setBy] = useState(session === null ? "" : "score");
  const [picked, setPicked] = useState<number[]>([]);
  const [open, setOpen] = useState<string | null>(null);
  const [hover, setHover] = useState<{ row: number; place: CanvasPoint } | null>(null);
  const title = live?.state.target ?? info?.title;
  useTitle(title === undefined ? undefined : `Map of ${title}`);
  const model = live?.state.model ?? info?.features.find(({ done, total }) => done === total)?.model;
  const { points, share, failure: noMap } = usePoints(survey, model, method);
  const version = `${live?.state.lastSeq} ${live?.learned}`;
  const { answer: coloured, failure: noColours } = useColours(info, session, by, version);
  const { objects, failure: noObjects } = useSome(survey, picked);
  const [failure, labelAll] = useLabelAll(survey, live, picked);
  useKeys(
    live === null ? {} : { z: live.undo, Z: live.redo, "Ctrl+z": live.undo, "Ctrl+Z": live.redo, "Ctrl+y": live.redo },
  );
  if (closed !== null) return <PageFailure what={`There is no map of ${survey}`} why={closed} />;
  const failed = failure ?? unknown ?? noMap ?? noColours ?? noObjects;
  const colours = coloured?.colours;
  return (
    <div className="results map-page">
      <MapBar
        title={title ?? survey}
        survey={survey}
        session={session}
        live={live}
        method={method}
        onMethod={setMethod}
        by={by}
        onBy={setBy}
        columns={info?.columns ?? []}
        legend={coloured?.legend ?? {}}
      />
      {live !== null && <Notice session={live} />}
      {failed !== null && (
        <p className="notice" role="alert">
          {failed}
        </p>
      )}
      <div className="map-and-list">
        {points !== null && colours !== undefined && colours.of.length === points.length / 2 ? (
          <MapCanvas
            points={points}
            colours={colours}
            onLasso={setPicked}
            onPick={(row) => void api.byRows(survey, [row]).then(({ objects: [found] }) => setOpen(found.object))}
            onHover={setHover}
          >
            {hover !== null && <HoverPicture survey={survey} {...hover} />}
          </MapCanvas>
        ) : (
          <p className="hint map" role="status">
            Computing the map, once for this survey: {Math.round(100 * share)} %
          </p>
        )}
        <LassoSide
          survey={survey}
          live={live}
          count={picked.length}
          objects={objects}
          onLabelAll={labelAll}
          onOpen={setOpen}
        />
      </div>
      {open !== null && model !== undefined && (
        <ObjectView
          survey={survey}
          object={open}
          model={model}
          session={session ?? undefined}
          lastSeq={live?.state.lastSeq}
          label={live?.labelOf(open) ?? null}
          onLabel={live === null ? undefined : (value) => live.label([open], value)}
          list={objects}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

/** Some of the objects of these rows, evenly spread over them. */
function useSome(survey: string, rows: number[]): { objects: string[]; failure: string | null } {
  const step = Math.max(1, rows.length / SHOWN);
  const some = Array.from({ length: Math.min(SHOWN, rows.length) }, (_, i) => rows[Math.floor(i * step)]);
  const { answer, failure } = useAsked(() => (rows.length === 0 ? null : api.byRows(survey, some)), [survey, rows]);
  return { objects: answer?.objects.map(({ object }) => object) ?? [], failure };
}

/** Labels every object of the lasso, as one action that one undo takes back. */
function useLabelAll(survey: string, live: LiveSession | null, rows: number[]) {
  const [failure, setFailure] = useState<string | null>(null);
  const label = async (value: LabelValue) => {
    const action = live?.newAction() ?? newKey();
    try {
      for (let from = 0; from < rows.length; from += PER_QUESTION) {
        const { objects } = await api.byRows(survey, rows.slice(from, from + PER_QUESTION));
        live?.label(
          objects.map(({ object }) => object),
          value,
          action,
        );
      }
      setFailure(null);
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return [failure, (value: LabelValue) => void label(value)] as const;
}

interface BarProps {
  title: string;
  survey: string;
  session: string | null;
  live: LiveSession | null;
  method: Method;
  onMethod(method: Method): void;
  by: string;
  onBy(by: string): void;
  columns: Column[];
  legend: Legend;
}

function MapBar({ title, survey, session, live, method, onMethod, by, onBy, columns, legend }: BarProps) {
  return (
    <div className="bar" role="toolbar" aria-label="What the map shows">
      <h1>{title}: map</h1>
      <label>
        <span>Layout</span>
        <select value={method} onChange={(event) => onMethod(event.target.value as Method)}>
          <option value="pca">principal components</option>
          <option value="umap">UMAP</option>
        </select>
      </label>
      <label>
        <span>Colour</span>
        <select value={by} onChange={(event) => onBy(event.target.value)}>
          <option value="">one colour</option>
          {session !== null && <option value="score">score</option>}
          {session !== null && <option value="label">label</option>}
          <ColumnOptions columns={columns} />
        </select>
      </label>
      <LegendView legend={legend} />
      <span className="grow" />
      {live !== null && <SaveState session={live} />}
      {live !== null && (
        <button type="button" disabled={!live.canUndo} onClick={live.undo} aria-label="Undo" title="Undo (z)">
          ↶
        </button>
      )}
      <button
        type="button"
        className="main"
        onClick={() => go(session === null ? pages.start(survey) : pages.label(session))}
      >
        {session === null ? "New search" : "Back to labelling"}
      </button>
    </div>
  );
}
