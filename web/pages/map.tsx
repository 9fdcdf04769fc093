import { useEffect, useState } from "react";
import type { LabelValue, ObjectRow, SurveyInfo } from "../../src/contract/api.ts";
import { newKey, useWho } from "../actions/memory.ts";
import { go, pages, useTitle } from "../actions/route.ts";
import { useKeys } from "../actions/use-keys.ts";
import { api, fetchColumn, fetchMap, fetchScores } from "../client/api.ts";
import { Computing } from "../client/http.ts";
import { colourKinds, colourNumbers, css, KINDS, LABEL_COLOURS, ramp } from "../parts/colours.ts";
import { MapCanvas, type MapColours } from "../parts/map-canvas.tsx";
import { ObjectView } from "../parts/object-view.tsx";
import { Notice, SaveState } from "../parts/save-state.tsx";
import { Tile } from "../parts/tile.tsx";
import { useSession } from "../session/use-session.ts";

type Method = "pca" | "umap";
const SHOWN = 60;
const PER_QUESTION = 500;

interface Legend {
  low?: number;
  high?: number;
  names?: [string, string][];
}

/** The survey by its features; with a session, coloured by its scores and labels, and labelled by lasso. */
export function MapPage({ survey, session }: { survey: string; session: string | null }) {
  const [info, setInfo] = useState<SurveyInfo | null>(null);
  const { session: live, failure: closed } = useSession(session, useWho());
  const state = live?.state ?? null;
  const [method, setMethod] = useState<Method>("pca");
  const [points, setPoints] = useState<Float32Array | null>(null);
  const [progress, setProgress] = useState(0);
  const [colour, setColour] = useState(session === null ? "" : "score");
  const [colours, setColours] = useState<MapColours | null>(null);
  const [legend, setLegend] = useState<Legend>({});
  const [picked, setPicked] = useState<number[]>([]);
  const [objects, setObjects] = useState<ObjectRow[]>([]);
  const [open, setOpen] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useTitle(info === null ? undefined : `Map of ${state?.target ?? info.title}`);
  const model = state?.model ?? info?.features.find(({ done, total }) => done === total)?.model;

  useEffect(() => {
    const fail = (error: Error) => setFailure(error.message);
    api.surveys().then((all) => setInfo(all.find((one) => one.survey === survey) ?? null), fail);
  }, [survey]);

  useEffect(() => {
    if (model === undefined) return;
    let gone = false;
    setPoints(null);
    const ask = () =>
      fetchMap(survey, method, model).then(
        (found) => !gone && setPoints(found),
        (error: Error) => {
          if (gone) return;
          if (!(error instanceof Computing)) return setFailure(error.message);
          setProgress(error.share);
          setTimeout(() => void (!gone && ask()), 400);
        },
      );
    void ask();
    return () => {
      gone = true;
    };
  }, [survey, model, method]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: labels given here are drawn again
  useEffect(() => {
    if (info === null) return;
    let gone = false;
    const show = async () => {
      const known = session === null ? null : await fetchScores(session);
      const emphasised = known === null ? undefined : known.labels;
      if ((colour === "score" || colour === "label") && known !== null) {
        const { scores, labels } = known;
        return colour === "score"
          ? { made: { of: Uint32Array.from(scores, ramp), emphasised }, about: { low: 0, high: 1 } }
          : {
              made: { of: Uint32Array.from(labels, (label) => LABEL_COLOURS[label]), emphasised },
              about: {
                names: ["no label", "positive", "negative", "unsure"].map((name, i): [string, string] => [
                  name,
                  css(LABEL_COLOURS[i]),
                ]),
              },
            };
      }
      if (colour === "") return { made: { of: new Uint32Array(info.count).fill(KINDS[0]), emphasised }, about: {} };
      const { values, names } = await fetchColumn(survey, colour);
      if (names === null) {
        const { of, low, high } = colourNumbers(values);
        return { made: { of, emphasised }, about: { low, high } };
      }
      return {
        made: { of: colourKinds(values), emphasised },
        about: { names: names.slice(0, KINDS.length).map((name, i): [string, string] => [name, css(KINDS[i])]) },
      };
    };
    show().then(
      ({ made, about }) => {
        if (gone) return;
        setColours(made);
        setLegend(about);
      },
      (error: Error) => !gone && setFailure(error.message),
    );
    return () => {
      gone = true;
    };
  }, [survey, session, info, colour, state?.lastSeq, live?.learned]);

  useEffect(() => {
    if (picked.length === 0) return setObjects([]);
    const step = Math.max(1, picked.length / SHOWN);
    const some = Array.from({ length: Math.min(SHOWN, picked.length) }, (_, i) => picked[Math.floor(i * step)]);
    api.byRows(survey, some).then(
      (found) => setObjects(found.objects),
      (error: Error) => setFailure(error.message),
    );
  }, [survey, picked]);

  const label = async (rows: number[], value: LabelValue) => {
    // The whole lasso is one action, which one undo takes back.
    const action = newKey();
    try {
      for (let from = 0; from < rows.length; from += PER_QUESTION) {
        const { objects: part } = await api.byRows(survey, rows.slice(from, from + PER_QUESTION));
        live?.label(
          part.map(({ object }) => object),
          value,
          action,
        );
      }
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  useKeys(
    live === null ? {} : { z: live.undo, Z: live.redo, "Ctrl+z": live.undo, "Ctrl+Z": live.redo, "Ctrl+y": live.redo },
  );
  const columns = info?.columns.filter(({ filled }) => filled > 0) ?? [];
  const labelOf = (object: string) => live?.labelOf(object) ?? null;
  return (
    <div className="results map-page">
      <div className="bar" role="toolbar" aria-label="What the map shows">
        <h1>{state?.target ?? info?.title ?? survey}: map</h1>
        <label>
          <span>Layout</span>
          <select value={method} onChange={(event) => setMethod(event.target.value as Method)}>
            <option value="pca">principal components</option>
            <option value="umap">UMAP</option>
          </select>
        </label>
        <label>
          <span>Colour</span>
          <select value={colour} onChange={(event) => setColour(event.target.value)}>
            <option value="">one colour</option>
            {session !== null && <option value="score">score</option>}
            {session !== null && <option value="label">label</option>}
            {columns.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
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
        {session === null ? (
          <button type="button" className="main" onClick={() => go(pages.start(survey))}>
            New search
          </button>
        ) : (
          <button type="button" className="main" onClick={() => go(pages.label(session))}>
            Back to labelling
          </button>
        )}
      </div>
      {live !== null && <Notice session={live} />}
      {(failure ?? closed) !== null && (
        <p className="notice" role="alert">
          {failure ?? closed}
        </p>
      )}
      <div className="map-and-list">
        {points !== null && colours !== null && colours.of.length === points.length / 2 ? (
          <MapCanvas
            points={points}
            colours={colours}
            onLasso={setPicked}
            onPick={(row) => void api.byRows(survey, [row]).then(({ objects: [found] }) => setOpen(found.object))}
          />
        ) : (
          <p className="hint map" role="status">
            Computing the map, once for this survey: {Math.round(100 * progress)} %
          </p>
        )}
        <aside className="side" aria-label="Objects in the lasso">
          {picked.length === 0 ? (
            <p className="hint">Choose “Lasso”, or hold Shift, and draw around objects; click one to look at it.</p>
          ) : (
            <>
              <p>
                <b>{picked.length.toLocaleString("en-US")}</b> objects in the lasso
                {picked.length > SHOWN ? `; ${SHOWN} of them shown` : ""}
              </p>
              {session === null ? (
                <button
                  type="button"
                  className="main"
                  onClick={() =>
                    go(
                      pages.start(
                        survey,
                        objects.map(({ object }) => object),
                      ),
                    )
                  }
                >
                  Choose examples among these
                </button>
              ) : (
                <div className="choices">
                  {(["positive", "negative", "unsure", "clear"] as const).map((value) => (
                    <button key={value} type="button" className={value} onClick={() => void label(picked, value)}>
                      {value === "clear" ? "Clear all" : `All ${value}`}
                    </button>
                  ))}
                </div>
              )}
              <div className="grid small">
                {objects.map(({ object }) => (
                  <Tile
                    key={object}
                    survey={survey}
                    object={object}
                    size={64}
                    label={labelOf(object)}
                    onClick={setOpen}
                  />
                ))}
              </div>
            </>
          )}
        </aside>
      </div>
      {open !== null && model !== undefined && (
        <ObjectView
          survey={survey}
          object={open}
          model={model}
          session={session ?? undefined}
          lastSeq={state?.lastSeq}
          label={labelOf(open)}
          onLabel={live === null ? undefined : (value) => live.label([open], value)}
          list={objects.map(({ object }) => object)}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

function LegendView({ legend: { low, high, names } }: { legend: Legend }) {
  if (names !== undefined)
    return (
      <span className="legend">
        {names.map(([name, colour]) => (
          <span key={name}>
            <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" rx="2" fill={colour} />
            </svg>{" "}
            {name}
          </span>
        ))}
      </span>
    );
  if (low === undefined || high === undefined) return null;
  return (
    <span className="legend">
      {Number(low.toPrecision(3))}
      <svg viewBox="0 0 100 10" width="100" height="10" aria-hidden="true">
        {Array.from({ length: 25 }, (_, i) => (
          <rect key={css(ramp(i / 24))} x={i * 4} width="4.2" height="10" fill={css(ramp(i / 24))} />
        ))}
      </svg>
      {Number(high.toPrecision(3))}
    </span>
  );
}
