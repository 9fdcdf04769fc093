import { useCallback, useEffect, useState } from "react";
import type { LabelValue, ObjectRow, SurveyInfo } from "../../src/contract/api.ts";
import { recall, remember, useWho } from "../actions/memory.ts";
import { go, pages, useTitle } from "../actions/route.ts";
import { api } from "../client/api.ts";
import { AlphaSlider } from "../parts/alpha.tsx";
import { ObjectView } from "../parts/object-view.tsx";
import { Tile } from "../parts/tile.tsx";

type Source = { kind: "random" } | { kind: "diverse" } | { kind: "ids" } | { kind: "near"; object: string };
const SHOWN = 48;

/** Naming the target and choosing the first examples. */
export function StartPage({ survey, ids: given }: { survey: string; ids: string | null }) {
  const [info, setInfo] = useState<SurveyInfo | null>(null);
  const [target, setTarget] = useState("");
  const [alpha, setAlpha] = useState(0.5);
  const [source, setSource] = useState<Source>({ kind: given === null ? "random" : "ids" });
  const [seed, setSeed] = useState(1);
  const [ids, setIds] = useState(given ?? "");
  const [radius, setRadius] = useState(5);
  const [missing, setMissing] = useState<string[]>([]);
  const [objects, setObjects] = useState<ObjectRow[]>([]);
  const [chosen, setChosen] = useState<Map<string, LabelValue>>(new Map());
  const [failure, setFailure] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [wantedModel, setWantedModel] = useState<string | null>(null);
  const [pageSize, setPageSize] = useState<number>(recall("pageSize", 24));
  const [randomPicks, setRandomPicks] = useState<number>(recall("randomPicks", 2));
  const models = info?.features.filter(({ done, total }) => done === total).map((set) => set.model) ?? [];
  const model = wantedModel ?? models[0];
  const who = useWho();
  useTitle(info === null ? undefined : `New search in ${info.title}`);

  useEffect(() => {
    api
      .surveys()
      .then((all) => setInfo(all.find((one) => one.survey === survey) ?? null))
      .catch((error: Error) => setFailure(error.message));
  }, [survey]);

  const load = useCallback(async () => {
    if (model === undefined) return;
    try {
      if (source.kind === "ids") {
        if (ids.trim() === "") setObjects([]);
        else {
          const found = await api.lookUp(survey, ids, radius);
          setObjects(found.objects);
          setMissing(found.missing);
        }
      } else if (source.kind === "near")
        setObjects([
          { object: source.object, raDeg: null, decDeg: null, widthPx: 0, heightPx: 0 },
          ...(await api.neighbours(survey, model, source.object, SHOWN - 1)).objects,
        ]);
      else
        setObjects(
          (source.kind === "random"
            ? await api.random(survey, SHOWN, seed)
            : await api.diverse(survey, model, SHOWN, seed)
          ).objects,
        );
      setFailure(null);
    } catch (error) {
      setFailure((error as Error).message);
    }
  }, [survey, model, source, seed, ids, radius]);
  // Ids are looked up when asked for, not at every key.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `ids` is left out on purpose
  useEffect(() => void load(), [survey, model, source, seed]);

  const cycle = useCallback(
    (object: string) =>
      setChosen((before) => {
        const next = new Map(before);
        const value = before.get(object);
        if (value === undefined) next.set(object, "positive");
        else if (value === "positive") next.set(object, "negative");
        else next.delete(object);
        return next;
      }),
    [],
  );
  const setAll = (value: LabelValue) =>
    setChosen((before) => new Map([...before, ...objects.map(({ object }) => [object, value] as const)]));
  const pick = (value: LabelValue) => [...chosen].filter(([, given]) => given === value).map(([object]) => object);
  const [positive, negative] = [pick("positive"), pick("negative")];
  const needed =
    target.trim() === ""
      ? "Name what you are looking for."
      : positive.length === 0
        ? "Click at least one object that is it."
        : negative.length === 0
          ? "Click an object twice to mark one that is not."
          : null;

  const start = async () => {
    if (model === undefined || needed !== null) return;
    setBusy(true);
    try {
      const { session } = await api.newSession({
        survey,
        model,
        target: target.trim(),
        alpha,
        pageSize,
        randomPicks: Math.min(randomPicks, pageSize),
        seed: 1,
        who,
        positive,
        negative,
      });
      remember("pageSize", pageSize);
      remember("randomPicks", randomPicks);
      await api.nextRound(session, who, 0);
      go(pages.label(session));
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };

  return (
    <div className="column">
      <h1>New search in {info?.title ?? survey}</h1>
      <div className="form">
        <div>
          <label className="target">
            What are you looking for?
            <input
              type="text"
              value={target}
              placeholder="face-on spiral"
              maxLength={120}
              onChange={(event) => setTarget(event.target.value)}
            />
          </label>
          <div className="settings">
            <label>
              <span>Objects a page</span>
              <select value={pageSize} onChange={(event) => setPageSize(Number(event.target.value))}>
                {[12, 24, 48, 96].map((n) => (
                  <option key={n} value={n}>
                    {n}
                  </option>
                ))}
              </select>
            </label>
            <label title="Picks by chance, whatever their score: they tell how many there are in the whole survey">
              <span>of them at random</span>
              <select value={randomPicks} onChange={(event) => setRandomPicks(Number(event.target.value))}>
                {[0, 2, 4, 8].map((n) => (
                  <option key={n} value={n}>
                    {n}
                  </option>
                ))}
              </select>
            </label>
            {models.length > 1 && (
              <label>
                <span>Features</span>
                <select value={model} onChange={(event) => setWantedModel(event.target.value)}>
                  {models.map((name) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            )}
          </div>
          <p className="hint">
            Random picks are the honest yardstick: they tell what chance would find, and how many there are in the whole
            survey.
          </p>
        </div>
        <AlphaSlider id="start-alpha" alpha={alpha} answers={pageSize} onChange={setAlpha} settledMs={0} />
      </div>
      <div className="bar" role="toolbar" aria-label="Which objects to choose from">
        <button
          type="button"
          aria-pressed={source.kind === "random"}
          onClick={() => (source.kind === "random" ? setSeed(seed + 1) : setSource({ kind: "random" }))}
        >
          {source.kind === "random" ? "Random: shuffle" : "Random"}
        </button>
        <button
          type="button"
          aria-pressed={source.kind === "diverse"}
          onClick={() => (source.kind === "diverse" ? setSeed(seed + 1) : setSource({ kind: "diverse" }))}
        >
          {source.kind === "diverse" ? "Diverse: others" : "Diverse"}
        </button>
        <button type="button" aria-pressed={source.kind === "ids"} onClick={() => setSource({ kind: "ids" })}>
          Ids or positions
        </button>
        <button type="button" onClick={() => go(pages.map(survey))}>
          Map
        </button>
        {source.kind === "near" && (
          <button type="button" aria-pressed="true" onClick={() => void load()}>
            Like {source.object}
          </button>
        )}
        <span className="grow" />
        <output className="counts">
          <b className="yes">{positive.length}</b> positive, <b className="no">{negative.length}</b> negative
        </output>
        <button type="button" className="main" disabled={needed !== null || busy} onClick={() => void start()}>
          {busy ? "Learning…" : "Start"}
        </button>
      </div>
      {source.kind === "ids" && (
        <form
          className="lookup"
          onSubmit={(event) => {
            event.preventDefault();
            void load();
          }}
        >
          <textarea
            value={ids}
            rows={4}
            aria-label="Ids or positions, one a line"
            placeholder={"one a line: an id, or a position\n150.1163 2.2058\n10:00:27.9 +02:12:21"}
            onChange={(event) => setIds(event.target.value)}
          />
          <div>
            <button type="submit">Show</button>
            <label>
              within{" "}
              <input
                type="number"
                min="0.1"
                max="3600"
                step="any"
                value={radius}
                aria-label="Radius in arcseconds"
                onChange={(event) => setRadius(Number(event.target.value) || 5)}
              />{" "}
              arcsec
            </label>
            <label className="button">
              Upload a list
              <input
                type="file"
                accept=".csv,.tsv,.txt,.dat"
                className="file"
                onChange={(event) => {
                  const [file] = event.target.files ?? [];
                  if (file !== undefined)
                    void file.text().then(
                      async (text) => {
                        setIds(text);
                        const found = await api.lookUp(survey, text, radius);
                        setObjects(found.objects);
                        setMissing(found.missing);
                      },
                      (error: Error) => setFailure(error.message),
                    );
                }}
              />
            </label>
            {objects.length > 0 && (
              <>
                <button type="button" onClick={() => setAll("positive")}>
                  All positive
                </button>
                <button type="button" onClick={() => setAll("negative")}>
                  All negative
                </button>
              </>
            )}
          </div>
          {missing.length > 0 && (
            <p className="hint" role="status">
              Not in this survey: {missing.slice(0, 8).join("; ")}
              {missing.length > 8 && ` and ${missing.length - 8} more`}
            </p>
          )}
        </form>
      )}
      <p className="hint" role="status">
        {failure ?? needed ?? "Ready. About five of each is a good start."}
      </p>
      <div className="grid large">
        {objects.map(({ object }) => (
          <Tile
            key={object}
            survey={survey}
            object={object}
            size={128}
            label={chosen.get(object) ?? null}
            onClick={cycle}
            onOpen={setOpen}
          />
        ))}
      </div>
      {open !== null && model !== undefined && (
        <ObjectView
          survey={survey}
          object={open}
          model={model}
          label={chosen.get(open) ?? null}
          onLabel={(value) =>
            setChosen((before) => {
              const next = new Map(before);
              if (value === "clear" || value === "unsure") next.delete(open);
              else next.set(open, value);
              return next;
            })
          }
          list={objects.map(({ object }) => object)}
          onOther={setOpen}
          onNear={(object) => {
            setOpen(null);
            setSource({ kind: "near", object });
          }}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
