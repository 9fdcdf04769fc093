import { useState } from "react";
import type { Session, SurveyInfo } from "../../../src/contract/api.ts";
import { checkOf, openCheck } from "../../actions/check.ts";
import { useMay } from "../../actions/me.ts";
import { useWho } from "../../actions/memory.ts";
import { go, pages } from "../../actions/route.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { featuresOf, useSurvey } from "../../actions/use-survey.ts";
import { useTimes } from "../../actions/use-times.ts";
import { api, pictureUrl } from "../../client/api.ts";
import { PageFailure } from "../../parts/failure.tsx";
import { FeaturesHint } from "../../parts/features-hint.tsx";
import { Picture } from "../../parts/picture.tsx";
import { SessionList } from "./session-list.tsx";
import "./home.css";

const EVERY_MS = 5000;

/** The surveys, and the searches in them. */
export function HomePage() {
  const [changed, setChanged] = useState(0);
  // Surveys may come while the page is open: the demo's wide image does.
  const times = useTimes(EVERY_MS);
  const { answer: surveys, failure } = useAsked(() => api.surveys(), [times], times > 0);
  const { answer: sessions } = useAsked(() => api.sessions(), [changed], true);
  if (failure !== null && surveys === null) return <PageFailure what="The surveys cannot be listed" why={failure} />;
  if (surveys === null) return <p className="hint">Opening…</p>;
  return (
    <div className="column">
      <h1>Find galaxies with a handful of examples</h1>
      <p className="lead">
        Show Skyloop a few objects of the kind you want and a few that are not. It learns from your answers, shows the
        best candidates, and improves with every round.
      </p>
      {surveys.map((survey) => (
        <SurveyCard
          key={survey.survey}
          survey={survey}
          sessions={(sessions ?? []).filter((session) => session.survey === survey.survey)}
          onChanged={() => setChanged((count) => count + 1)}
        />
      ))}
    </div>
  );
}

interface CardProps {
  survey: SurveyInfo;
  sessions: Session[];
  onChanged(): void;
}

/** Of detections: look through the candidates, look at the images, or search among them. */
function CheckButtons({ survey, sessions, ready }: { survey: SurveyInfo; sessions: Session[]; ready: boolean }) {
  const [failure, setFailure] = useState<string | null>(null);
  const who = useWho();
  const canStart = useMay("owner");
  const known = checkOf(sessions, survey.survey);
  const check = () =>
    openCheck(survey, who).then(
      (session) => go(pages.label(session)),
      (error: Error) => setFailure(error.message),
    );
  return (
    <div className="ways">
      {failure !== null && <span className="hint">{failure}</span>}
      {(canStart || known !== undefined) && (
        <button type="button" className="main" disabled={!ready} onClick={() => void check()}>
          Check the candidates
        </button>
      )}
      <button
        type="button"
        onClick={() => go(pages.field(survey.survey, known === undefined ? {} : { session: known.session }))}
      >
        {survey.fields === 1 ? "Image" : `${survey.fields} images`}
      </button>
      {canStart && (
        <button type="button" onClick={() => go(pages.start(survey.survey))}>
          New search
        </button>
      )}
    </div>
  );
}

function SurveyCard({ survey: listed, sessions, onChanged }: CardProps) {
  const survey = useSurvey(listed.survey).answer ?? listed;
  const { ready, growing } = featuresOf(survey);
  const canStart = useMay("owner");
  const { answer: samples } = useAsked(() => api.random(survey.survey, 8, 11), [survey.survey]);
  return (
    <section className="card">
      <div className="card-head">
        <div>
          <h2>{survey.title}</h2>
          <p className="hint">
            {survey.count.toLocaleString("en-US")} {survey.fields === 0 ? "objects" : "candidates"},{" "}
            {survey.kind === "flux" ? `flux in ${survey.bands.join(", ")}` : "colour pictures"}
            {survey.problems > 0 && `; ${survey.problems} files or rows have problems (skyloop survey info lists them)`}
          </p>
        </div>
        {survey.fields === 0 ? (
          canStart && (
            <button type="button" className="main" onClick={() => go(pages.start(survey.survey))}>
              New search
            </button>
          )
        ) : (
          <CheckButtons survey={survey} sessions={sessions} ready={ready.length > 0} />
        )}
      </div>
      {ready.length === 0 && <FeaturesHint growing={growing} />}
      <div className="strip" aria-hidden="true">
        {samples?.objects.map(({ object }) => (
          <Picture key={object} url={pictureUrl(survey.survey, object, 128)} size={96} />
        ))}
      </div>
      <SessionList sessions={sessions} onChanged={onChanged} />
    </section>
  );
}
