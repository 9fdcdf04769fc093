import { useEffect, useState } from "react";
import type { LabelValue, ObjectDetail, SessionEvent } from "../../src/contract/api.ts";
import type { Why } from "../../src/contract/insight.ts";
import type { ImageHead, ObjectPrediction } from "../../src/contract/predictions.ts";
import { recallKeys } from "../actions/keys.ts";
import { useKeys } from "../actions/use-keys.ts";
import { api, pictureUrl } from "../client/api.ts";
import { BeforeAfter } from "./before-after.tsx";
import { Dialog } from "./dialog.tsx";
import { PixelCanvas } from "./pixel-canvas.tsx";
import { ObjectPredictions } from "./predictions.tsx";
import { WhyView } from "./why-view.tsx";

interface Props {
  survey: string;
  object: string;
  model: string;
  session?: string;
  /** The last event that is known to be saved. */
  lastSeq?: number;
  label: LabelValue | null;
  /** Absent where there is no session to label in. */
  onLabel?: (value: LabelValue) => void;
  /** What the arrow keys go through. */
  list?: string[];
  onOther(object: string): void;
  onNear?(object: string): void;
  onClose(): void;
}

const CHOICES: [LabelValue, string][] = [
  ["positive", "Positive"],
  ["negative", "Negative"],
  ["unsure", "Unsure"],
  ["clear", "No label"],
];

/** What an event of an object's history says. */
const SAYS: Record<SessionEvent["kind"], (value: string) => string> = {
  label: (value) => (value === "clear" ? "label cleared" : value),
  tag: (value) => `tag “${value}”`,
  untag: (value) => `tag “${value}” removed`,
  undo: () => "undone",
  redo: () => "done again",
  alpha: (value) => `alpha ${value}`,
  name: (value) => `renamed ${value}`,
  status: (value) => value,
};

interface Facts {
  detail: ObjectDetail | null;
  near: { object: string; similarity: number }[];
  predictions: ObjectPrediction[];
}

const NOTHING: Facts = { detail: null, near: [], predictions: [] };

/**
 * What the server knows of an object, all at once: what came later would push away what somebody is about to click.
 * What fails is left out.
 */
function useFacts(survey: string, model: string, object: string): Facts {
  const [facts, setFacts] = useState(NOTHING);
  useEffect(() => {
    let gone = false;
    setFacts(NOTHING);
    Promise.all([
      api.detail(survey, object).catch(() => NOTHING.detail),
      api.neighbours(survey, model, object, 12).then(
        ({ objects }) => objects,
        () => NOTHING.near,
      ),
      api.predictionsOf(survey, object).catch(() => NOTHING.predictions),
    ]).then(([detail, near, predictions]) => void (!gone && setFacts({ detail, near, predictions })));
    return () => {
      gone = true;
    };
  }, [survey, model, object]);
  return facts;
}

/** One object closely: pixels, catalogue row, neighbours in feature space, where to read more. */
export function ObjectView({
  survey,
  object,
  model,
  session,
  lastSeq,
  label,
  onLabel,
  list = [],
  onOther,
  onNear,
  onClose,
}: Props) {
  const { detail, near, predictions } = useFacts(survey, model, object);
  const [heads, setHeads] = useState<ImageHead[] | null>(null);
  useEffect(() => {
    let gone = false;
    api.heads(survey).then(
      ({ images }) => void (!gone && setHeads(images)),
      () => void (!gone && setHeads([])),
    );
    return () => {
      gone = true;
    };
  }, [survey]);
  const [events, setEvents] = useState<SessionEvent[] | null>(session === undefined ? [] : null);
  const [why, setWhy] = useState<Why | "asked" | { failure: string } | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: reasons are those of one object
  useEffect(() => setWhy(null), [object]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was saved since is a new line of the history
  useEffect(() => {
    if (session === undefined) return;
    let gone = false;
    api.events(session).then(
      (found) => void (!gone && setEvents(found)),
      () => void (!gone && setEvents((known) => known ?? [])),
    );
    return () => {
      gone = true;
    };
  }, [session, lastSeq]);
  const history = events?.filter((event) => event.object === object) ?? [];
  const [keys] = useState(recallKeys);
  const place = list.indexOf(object);
  const step = (by: number) => {
    const next = place < 0 ? undefined : list[place + by];
    if (next !== undefined) onOther(next);
  };
  const give = (value: LabelValue) => onLabel?.(value);
  useKeys(
    {
      ArrowRight: () => step(1),
      ArrowLeft: () => step(-1),
      [keys.positive]: () => give("positive"),
      [keys.negative]: () => give("negative"),
      [keys.unsure]: () => give("unsure"),
      [keys.clear]: () => give("clear"),
    },
    "dialog",
  );
  const position =
    detail !== null && detail.raDeg !== null && detail.decDeg !== null
      ? { ra: detail.raDeg, dec: detail.decDeg }
      : null;
  return (
    <Dialog title={object} onClose={onClose} wide>
      <div className="object">
        <PixelCanvas
          survey={survey}
          object={object}
          position={position}
          pixelScaleArcsec={detail?.pixelScaleArcsec ?? null}
          heat={why !== null && typeof why === "object" && "heat" in why ? why.heat : null}
        />
        <div className="facts">
          {place >= 0 && list.length > 1 && (
            <p className="steps">
              <button
                type="button"
                aria-label="The one before"
                title="The one before (←)"
                disabled={place === 0}
                onClick={() => step(-1)}
              >
                ←
              </button>
              <span className="hint">
                {place + 1} of {list.length}
              </span>
              <button
                type="button"
                aria-label="The next one"
                title="The next one (→)"
                disabled={place === list.length - 1}
                onClick={() => step(1)}
              >
                →
              </button>
            </p>
          )}
          {onLabel !== undefined && (
            <fieldset className="choices" aria-label="Label">
              {CHOICES.map(([value, name]) => (
                <button
                  key={value}
                  type="button"
                  className={value}
                  aria-pressed={(label ?? "clear") === value}
                  title={`${name} (${keys[value]})`}
                  onClick={() => onLabel(value)}
                >
                  {name}
                </button>
              ))}
            </fieldset>
          )}
          {position !== null && (
            <p>
              RA {position.ra.toFixed(5)}°, Dec {position.dec.toFixed(5)}°{" · "}
              <a
                href={`https://www.legacysurvey.org/viewer?ra=${position.ra}&dec=${position.dec}&zoom=15`}
                target="_blank"
                rel="noreferrer"
              >
                Legacy viewer
              </a>
              {" · "}
              <a
                href={`https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=${position.ra}+${position.dec}&Radius=10&Radius.unit=arcsec`}
                target="_blank"
                rel="noreferrer"
              >
                SIMBAD
              </a>
              {" · "}
              <a
                href={`https://ned.ipac.caltech.edu/conesearch?coordinates=${position.ra}%20${position.dec}&radius=0.2`}
                target="_blank"
                rel="noreferrer"
              >
                NED
              </a>
            </p>
          )}
          <ObjectPredictions sets={predictions} />
          <BeforeAfter survey={survey} object={object} heads={heads ?? []} />
          {detail !== null && (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
            <section className="row" aria-label="Catalogue row" tabIndex={0}>
              <table>
                <tbody>
                  {Object.entries(detail.columns)
                    .filter(([, value]) => value !== null && value !== "")
                    .map(([name, value]) => (
                      <tr key={name}>
                        <th scope="row">{name}</th>
                        <td>
                          {typeof value === "number" && !Number.isInteger(value)
                            ? Number(value.toPrecision(6))
                            : String(value)}
                        </td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </section>
          )}
          {history.length > 0 && (
            <section aria-label="History of its labels">
              <h3>History</h3>
              <ul className="plain hint">
                {history.map(({ seq, at, who, kind, value }) => (
                  <li key={seq}>
                    {at.slice(0, 16).replace("T", " ")} {who}: {SAYS[kind](value)}
                  </li>
                ))}
              </ul>
            </section>
          )}
          {session !== undefined && (
            <WhyView
              why={why}
              survey={survey}
              onAsk={() => {
                setWhy("asked");
                api.why(session, object).then(setWhy, (error: Error) => setWhy({ failure: error.message }));
              }}
              onOther={onOther}
            />
          )}
          <h3>Nearest in feature space</h3>
          <div className="strip">
            {(events === null || heads === null ? [] : near).map((other) => (
              <button
                key={other.object}
                type="button"
                aria-label={`${other.object}, similarity ${other.similarity.toFixed(2)}`}
                title={`${other.object}, ${other.similarity.toFixed(3)}`}
                onClick={() => onOther(other.object)}
              >
                <img src={pictureUrl(survey, other.object, 96)} alt="" width="72" height="72" />
              </button>
            ))}
          </div>
          {onNear !== undefined && (
            <button type="button" onClick={() => onNear(object)}>
              Choose examples among objects like this
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
