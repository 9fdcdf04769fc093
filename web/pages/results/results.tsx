import { useState } from "react";
import { useMay } from "../../actions/me.ts";
import { useWho } from "../../actions/memory.ts";
import { useTitle } from "../../actions/route.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { useKeys } from "../../actions/use-keys.ts";
import { api } from "../../client/api.ts";
import { PageFailure } from "../../parts/failure.tsx";
import { ObjectView } from "../../parts/object/object-view.tsx";
import { CutPlot } from "../../parts/plots/cut-plot.tsx";
import { PredictionChoice, usePredictions } from "../../parts/predictions.tsx";
import { SampButton } from "../../parts/samp.tsx";
import { Notice } from "../../parts/save-state.tsx";
import { type LiveSession, useSession } from "../../session/use-session.ts";
import { QuickFilter, TitleBar } from "./bars.tsx";
import { CheckPanel } from "./check-panel.tsx";
import { ComparePanel } from "./compare-panel.tsx";
import { ExportLinks, ExportPanel, useExportColumns } from "./export-panel.tsx";
import { FilterPanel } from "./filter-panel.tsx";
import { ImportPanel } from "./import-panel.tsx";
import { RankingGrid } from "./ranking-grid.tsx";
import { TeamPanel } from "./team-panel.tsx";
import { useLines } from "./use-lines.ts";
import { type RankingRows, useRanking } from "./use-ranking.ts";
import "./results.css";

const PANELS = {
  cut: "Choose a cut",
  filter: "Filter",
  check: "Check labels",
  compare: "Compare",
  import: "Import labels",
  columns: "Columns",
  team: "Who agrees",
} as const;
type Panel = keyof typeof PANELS;
/** What only owners may open. */
const LEADING: readonly Panel[] = ["import", "columns", "team"];

/**
 * The whole ranking, filtered, to look through, correct and export. The rows are asked for at once, beside the
 * session's state.
 */
export function ResultsPage({ id }: { id: string }) {
  const { session, failure } = useSession(id, useWho());
  useTitle(session === null ? undefined : `${session.state.target}: ranking`);
  const ranking = useRanking(id, session?.learned ?? 0);
  if (session !== null) return <Ranking session={session} ranking={ranking} />;
  if (failure !== null) return <PageFailure what="This search cannot be opened" why={failure} />;
  return <p className="hint">Opening…</p>;
}

function Ranking({ session, ranking }: { session: LiveSession; ranking: RankingRows }) {
  const { state } = session;
  const { survey } = state;
  const { filter, setFilter, query, total } = ranking;
  const rows = useLines(ranking);
  const predictions = usePredictions(survey, rows.inSight);
  const [panel, setPanel] = useState<Panel | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const choice = useExportColumns();
  const { columns, pseudonyms } = choice;
  const canLead = useMay("owner");
  const panels = (Object.keys(PANELS) as Panel[]).filter((name) => canLead || !LEADING.includes(name));
  useKeys({ z: session.undo, Z: session.redo, "Ctrl+z": session.undo, "Ctrl+Z": session.redo, "Ctrl+y": session.redo });
  return (
    <div className="results">
      <TitleBar session={session} total={total ?? 0} />
      <div className="bar second" role="toolbar" aria-label="Filter and export">
        <QuickFilter filter={filter} onFilter={setFilter} />
        <PredictionChoice {...predictions} />
        {panels.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={panel === name}
            onClick={() => setPanel(panel === name ? null : name)}
          >
            {PANELS[name]}
          </button>
        ))}
        <span className="grow" />
        {canLead && (
          <>
            <ExportLinks
              id={state.session}
              query={query}
              total={total ?? 0}
              columns={columns}
              pseudonyms={pseudonyms}
            />
            <SampButton session={state.session} survey={survey} query={query} columns={columns} onSelect={setOpen} />
          </>
        )}
      </div>
      <OpenPanel panel={panel} session={session} ranking={ranking} choice={choice} />
      {!state.ranked && <p className="hint">No round has been finished yet: the scores are all zero.</p>}
      <Notice session={session} />
      {ranking.failure !== null && (
        <p className="notice" role="alert">
          {ranking.failure}
        </p>
      )}
      {total === 0 && <p className="hint">Nothing in the ranking is like this.</p>}
      <RankingGrid session={session} rows={rows} predicted={predictions.textOf} onOpen={setOpen} />
      {open !== null && (
        <ObjectView
          survey={survey}
          object={open}
          model={state.model}
          session={state.session}
          lastSeq={state.lastSeq}
          label={session.labelOf(open)}
          onLabel={(value) => session.label([open], value)}
          list={rows.known}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

interface PanelsProps {
  panel: Panel | null;
  session: LiveSession;
  ranking: RankingRows;
  choice: ReturnType<typeof useExportColumns>;
}

/** The panel that is open; what it needs is asked for when it is. */
function OpenPanel({ panel, session, ranking, choice }: PanelsProps) {
  const { state, learned } = session;
  const { filter, setFilter, reload } = ranking;
  const { survey } = state;
  const wanted = (...names: Panel[]) => panel !== null && names.includes(panel);
  const needsSurvey = wanted("filter", "columns");
  const { answer: info } = useAsked(() => (needsSurvey ? api.survey(survey) : null), [survey, needsSurvey]);
  const { answer: all } = useAsked(() => (wanted("compare") ? api.sessions() : null), [wanted("compare")]);
  const { answer: learning } = useAsked(
    () => (wanted("cut") ? api.learning(state.session) : null),
    [state.session, wanted("cut"), learned],
    true,
  );
  const panelProps = { filter, onFilter: setFilter };
  switch (panel) {
    case "cut":
      return learning === null ? null : (
        <CutPlot
          assessment={learning.assessments.at(-1)}
          cut={filter.minScore === "" ? null : Number(filter.minScore)}
          onCut={(score) => setFilter({ ...filter, minScore: score === 0 ? "" : String(score) })}
        />
      );
    case "filter":
      return <FilterPanel {...panelProps} columns={info?.columns ?? []} tags={tagsIn(session)} />;
    case "check":
      return <CheckPanel {...panelProps} />;
    case "compare": {
      const others = all?.filter(
        (one) => one.survey === survey && one.session !== state.session && one.status !== "deleted",
      );
      return others === undefined ? null : <ComparePanel {...panelProps} others={others} />;
    }
    case "import":
      return <ImportPanel session={state.session} onSaved={reload} />;
    case "columns":
      return <ExportPanel catalogue={info?.columns ?? []} choice={choice} />;
    case "team":
      return <TeamPanel session={state.session} lastSeq={state.lastSeq} />;
    case null:
      return null;
  }
}

const tagsIn = ({ state }: LiveSession): string[] =>
  [...new Set(Object.values(state.labels).flatMap(({ tags }) => tags))].sort();
