import { useEffect, useState } from "react";
import type { Session, SurveyInfo } from "../../src/contract/api.ts";
import { go, pages } from "../actions/route.ts";
import { api, pictureUrl } from "../client/api.ts";

/** The surveys, and the sessions on them. */
export function HomePage() {
  const [surveys, setSurveys] = useState<SurveyInfo[] | null>(null);
  const [sessions, setSessions] = useState<Session[]>([]);
  const [samples, setSamples] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    Promise.all([api.surveys(), api.sessions()])
      .then(async ([found, known]) => {
        setSurveys(found);
        setSessions(known);
        const shown = await Promise.all(
          found.map(
            async ({ survey }) =>
              [survey, (await api.random(survey, 8, 11)).objects.map(({ object }) => object)] as const,
          ),
        );
        setSamples(Object.fromEntries(shown));
      })
      .catch((error: Error) => setFailure(error.message));
  }, []);
  if (failure !== null) return <p className="notice">Nothing to show: {failure}.</p>;
  if (surveys === null) return <p className="hint">Opening…</p>;
  return (
    <div className="column">
      <h1>Find galaxies with a handful of examples</h1>
      <p className="lead">
        Show Skyloop a few objects of the kind you want and a few that are not. It learns, shows you what it thinks you
        want, and gets better with every yes and no.
      </p>
      {surveys.map((survey) => {
        const ready = survey.features.filter(({ done, total }) => done === total);
        return (
          <section key={survey.survey} className="card">
            <div className="card-head">
              <div>
                <h2>{survey.title}</h2>
                <p className="hint">
                  {survey.count.toLocaleString("en-US")} objects,{" "}
                  {survey.kind === "flux" ? `flux in ${survey.bands.join(", ")}` : "colour pictures"}
                  {survey.problems > 0
                    ? `; ${survey.problems} files or rows were not taken in (skyloop survey info)`
                    : ""}
                </p>
              </div>
              <button
                type="button"
                className="main"
                disabled={ready.length === 0}
                onClick={() => go(pages.start(survey.survey))}
              >
                New search
              </button>
            </div>
            {ready.length === 0 && <p className="hint">No features yet: run skyloop embed on this survey.</p>}
            <div className="strip" aria-hidden="true">
              {(samples[survey.survey] ?? []).map((object) => (
                <img key={object} src={pictureUrl(survey.survey, object, 128)} alt="" width="96" height="96" />
              ))}
            </div>
            <SessionList sessions={sessions.filter((session) => session.survey === survey.survey)} />
          </section>
        );
      })}
    </div>
  );
}

function SessionList({ sessions }: { sessions: Session[] }) {
  if (sessions.length === 0) return null;
  return (
    <ul className="sessions">
      {sessions.map(({ session, target, round, positives, negatives, createdBy }) => (
        <li key={session}>
          <a
            href={pages.label(session)}
            onClick={(event) => {
              event.preventDefault();
              go(pages.label(session));
            }}
          >
            {target}
          </a>
          <a
            className="hint"
            href={pages.results(session)}
            aria-label={`Ranking of ${target}`}
            onClick={(event) => {
              event.preventDefault();
              go(pages.results(session));
            }}
          >
            ranking
          </a>
          <span className="hint">
            round {round}, {positives} positive, {negatives} negative, started by {createdBy}
          </span>
        </li>
      ))}
    </ul>
  );
}
