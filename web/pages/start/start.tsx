import { type ReactNode, useCallback, useState } from "react";
import type { SurveyInfo } from "../../../src/contract/api.ts";
import { useMay } from "../../actions/me.ts";
import { recall, remember, useWho } from "../../actions/memory.ts";
import { go, pages, useTitle } from "../../actions/route.ts";
import { featuresOf, useSurvey } from "../../actions/use-survey.ts";
import { api } from "../../client/api.ts";
import { AlphaSlider } from "../../parts/alpha.tsx";
import { PageFailure } from "../../parts/failure.tsx";
import { FeaturesHint } from "../../parts/features-hint.tsx";
import { ObjectView } from "../../parts/object/object-view.tsx";
import { Tile } from "../../parts/tile.tsx";
import { ColumnForm } from "./column-form.tsx";
import { type Draft, missingOf, nextExample, useDraft } from "./draft.ts";
import { LookupForm } from "./lookup-form.tsx";
import { type Settings, SettingsForm } from "./settings.tsx";
import { SourceButtons } from "./source-bar.tsx";
import { ALONE, teamOf } from "./team-form.tsx";
import { useCandidates } from "./use-candidates.ts";
import "./start.css";

const UNUSUAL_FIRST =
  "Ready: the most unusual objects come first. What is positive teaches the search; “Artefact” removes what is like it.";

const SIMILARITY =
  "Below each its similarity: 1 is the same, 0 has nothing in common. Nearly the same ones stand together.";
/** What is shown, and what stands below it. */
const SHOWN: Partial<Record<Draft["source"]["kind"], string>> = {
  unusual:
    "The most unlike the rest first. Below each in what it is far from the others, in standard deviations (sd); look closely (⤢) for more and for what is nearest.",
  similar: SIMILARITY,
  picture: SIMILARITY,
};

/** Naming what is looked for and choosing the first examples. */
export function StartPage({ survey, ids }: { survey: string; ids: string | null }) {
  const { answer: info, failure } = useSurvey(survey);
  useTitle(info === null ? undefined : `New search in ${info.title}`);
  if (failure !== null) return <PageFailure what={`No search can start in ${survey}`} why={failure} />;
  if (info === null) return <p className="hint">Opening…</p>;
  return <NewSearch info={info} ids={ids} />;
}

function NewSearch({ info, ids }: { info: SurveyInfo; ids: string | null }) {
  const { survey } = info;
  const { ready: models, growing } = featuresOf(info);
  const { draft, change, give, clear } = useDraft(survey, ids);
  const [settings, setSettings] = useState<Settings>({
    pageSize: recall("pageSize", 24),
    randomPicks: recall("randomPicks", 2),
    unlabelled: "fading",
    model: "",
    team: ALONE,
  });
  const model = settings.model || models[0];
  const [open, setOpen] = useState<string | null>(null);
  const { answer: found, failure, pending } = useCandidates(survey, model, draft);
  // What another question found is no answer to one that failed.
  const objects = (failure === null ? found?.objects : undefined) ?? [];
  const chosen = new Map(draft.chosen);
  const hasPositive = draft.chosen.some(([, value]) => value === "positive");
  const missing = useMay("owner") ? missingOf(draft) : "Only an owner starts a search here: ask one of them.";
  const { busy, failure: refused, start } = useStart(survey, draft, { ...settings, model: model ?? "" }, clear);
  const cycle = useCallback((object: string) => give([object], nextExample), [give]);
  const columns = info.columns.filter(({ filled }) => filled > 0);
  return (
    <div className="column">
      <h1>New search in {info.title}</h1>
      <Wanted
        draft={draft}
        change={change}
        settings={{ ...settings, model: model ?? "" }}
        models={models}
        onSettings={(more) => setSettings((before) => ({ ...before, ...more }))}
      />
      <StartBar
        draft={draft}
        source={<SourceButtons survey={survey} draft={draft} columns={columns.length > 0} onChange={change} />}
        canStart={missing === null && !busy && model !== undefined}
        busy={busy}
        onClear={clear}
        onStart={start}
      />
      {draft.source.kind === "ids" && (
        <LookupForm
          draft={draft}
          missing={found?.missing ?? []}
          found={objects.length > 0}
          onChange={change}
          onAll={(value) =>
            give(
              objects.map(({ object }) => object),
              () => value,
            )
          }
        />
      )}
      {draft.source.kind === "column" && (
        <ColumnForm columns={columns} choice={draft.column} onChange={(column) => change({ column })} />
      )}
      {model === undefined && <FeaturesHint growing={growing} />}
      <p className="hint" role="status">
        {refused ??
          failure ??
          missing ??
          (hasPositive ? null : UNUSUAL_FIRST) ??
          "Ready. About five are a good start; some that are not (click twice) make it a better one."}
      </p>
      {SHOWN[draft.source.kind] !== undefined && (
        <p className="hint">{pending ? "Comparing with the whole survey…" : SHOWN[draft.source.kind]}</p>
      )}
      <div className={pending ? "grid large before" : "grid large"} aria-busy={pending}>
        {objects.map(({ object }) => (
          <Tile
            key={object}
            survey={survey}
            object={object}
            size={128}
            label={chosen.get(object) ?? null}
            caption={found?.notes?.get(object)}
            onClick={cycle}
            onOpen={setOpen}
          />
        ))}
      </div>
      {open !== null && (
        <ObjectView
          survey={survey}
          object={open}
          model={model}
          label={chosen.get(open) ?? null}
          onLabel={(value) => give([open], () => (value === "positive" || value === "negative" ? value : null))}
          list={objects.map(({ object }) => object)}
          onOther={setOpen}
          onNear={(object) => {
            setOpen(null);
            change({ source: { kind: "near", object } });
          }}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

interface BarProps {
  draft: Draft;
  /** The buttons that say which objects are shown. */
  source: ReactNode;
  canStart: boolean;
  busy: boolean;
  onClear(): void;
  onStart(): void;
}

/** Which objects to choose from, how many are chosen, and the start. */
function StartBar({ draft, source, canStart, busy, onClear, onStart }: BarProps) {
  const count = (wanted: string) => draft.chosen.filter(([, value]) => value === wanted).length;
  return (
    <div className="bar" role="toolbar" aria-label="Which objects to choose from">
      {source}
      <div className="start">
        <output className="counts">
          <b className="yes">{count("positive")}</b> positive, <b className="no">{count("negative")}</b> negative
        </output>
        {(draft.chosen.length > 0 || draft.target !== "") && (
          <button type="button" className="quiet" onClick={onClear}>
            Clear
          </button>
        )}
        <button type="button" className="main" disabled={!canStart} onClick={onStart}>
          {busy ? "Learning…" : "Start"}
        </button>
      </div>
    </div>
  );
}

interface WantedProps {
  draft: Draft;
  change(more: Partial<Draft>): void;
  settings: Settings;
  models: string[];
  onSettings(more: Partial<Settings>): void;
}

/** What is looked for, and how. */
function Wanted({ draft, change, settings, models, onSettings }: WantedProps) {
  return (
    <div className="form">
      <div>
        <label className="target">
          What are you looking for?
          <input
            type="text"
            value={draft.target}
            placeholder="face-on spiral"
            maxLength={120}
            onChange={(event) => change({ target: event.target.value })}
          />
        </label>
        <SettingsForm settings={settings} models={models} onChange={onSettings} />
      </div>
      <AlphaSlider
        id="start-alpha"
        alpha={draft.alpha}
        answers={settings.pageSize}
        onChange={(alpha) => change({ alpha })}
        settledMs={0}
      />
    </div>
  );
}

/** Starts the search and its first round, then forgets the draft. */
function useStart(
  survey: string,
  { target, alpha, chosen }: Pick<ReturnType<typeof useDraft>["draft"], "target" | "alpha" | "chosen">,
  { model, pageSize, randomPicks, unlabelled, team }: Settings,
  clear: () => void,
) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const who = useWho();
  const objects = (wanted: string) => chosen.flatMap(([object, value]) => (value === wanted ? [object] : []));
  const run = async () => {
    setBusy(true);
    try {
      const { session } = await api.newSession({
        survey,
        model,
        target: target.trim(),
        alpha,
        pageSize,
        randomPicks: Math.min(randomPicks, pageSize),
        unlabelled,
        seed: 1,
        who,
        positive: objects("positive"),
        negative: objects("negative"),
        team: teamOf(team),
      });
      remember("pageSize", pageSize);
      remember("randomPicks", randomPicks);
      clear();
      // The search is there, whatever becomes of its first round: its page asks again.
      await api.nextRound(session, who, 0).catch(() => {});
      go(pages.label(session));
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  return { busy, failure, start: () => void run() };
}
