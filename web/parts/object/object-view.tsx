import { useEffect, useState } from "react";
import type { LabelValue } from "../../../src/contract/api.ts";
import type { Why } from "../../../src/contract/insight.ts";
import { recallKeys } from "../../actions/keys.ts";
import { useKeys } from "../../actions/use-keys.ts";
import { api, pictureUrl } from "../../client/api.ts";
import { Dialog } from "../dialog.tsx";
import { Picture } from "../picture.tsx";
import { PixelCanvas } from "../pixels/pixel-canvas.tsx";
import { ObjectPredictions } from "../predictions.tsx";
import { CatalogueValues, FarFromOthers, FileLine, History, SkyLine } from "./about.tsx";
import { BeforeAfter } from "./before-after.tsx";
import { LabelChoices, Steps } from "./choices.tsx";
import { type Facts, useFacts, useHeads, useHistory } from "./use-facts.ts";
import { WhyView } from "./why-view.tsx";
import "./object.css";

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

/** One object closely: label, pixels, catalogue row, neighbours in feature space, where to read more. */
export function ObjectView(props: Props) {
  const { survey, object, model, session, lastSeq, label, onLabel, list = [], onOther, onNear, onClose } = props;
  const facts = useFacts(survey, model, object);
  const heads = useHeads(survey);
  const history = useHistory(session, object, lastSeq);
  const [why, setWhy] = useState<Why | "asked" | { failure: string } | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: reasons are those of one object
  useEffect(() => setWhy(null), [object]);
  const [keys] = useState(recallKeys);
  const place = list.indexOf(object);
  const step = (by: number) => {
    const next = place < 0 ? undefined : list[place + by];
    if (next !== undefined) onOther(next);
  };
  useKeys(
    {
      ArrowRight: () => step(1),
      ArrowLeft: () => step(-1),
      [keys.positive]: () => onLabel?.("positive"),
      [keys.negative]: () => onLabel?.("negative"),
      [keys.unsure]: () => onLabel?.("unsure"),
      [keys.clear]: () => onLabel?.("clear"),
    },
    "dialog",
  );
  const detail = facts?.detail ?? null;
  const position = detail?.raDeg == null || detail.decDeg === null ? null : { ra: detail.raDeg, dec: detail.decDeg };
  return (
    <Dialog title={object} onClose={onClose} wide>
      <div className="object">
        <div className="first">
          {onLabel !== undefined && <LabelChoices label={label} keys={keys} onLabel={onLabel} />}
          <Steps place={place} of={list.length} onStep={step} />
        </div>
        <PixelCanvas
          candidate={facts?.candidate ?? null}
          survey={survey}
          object={object}
          position={position}
          pixelScaleArcsec={detail?.pixelScaleArcsec ?? null}
          heat={why !== null && typeof why === "object" && "heat" in why ? why.heat : null}
        />
        <div className="facts">
          <FileLine key={object} survey={survey} object={object} source={detail?.source} />
          {position !== null && <SkyLine {...position} links={detail?.links ?? []} />}
          <FarFromOthers far={facts?.far ?? []} />
          <h3>Nearest in feature space</h3>
          <Neighbours
            survey={survey}
            near={history === null || heads === null ? [] : (facts?.near ?? [])}
            onOther={onOther}
          />
          {onNear !== undefined && (
            <button type="button" onClick={() => onNear(object)}>
              Choose examples among objects like this
            </button>
          )}
          <ObjectPredictions sets={facts?.predictions ?? []} />
          <BeforeAfter survey={survey} object={object} heads={heads ?? []} />
          {detail !== null && <CatalogueValues detail={detail} />}
          <History events={history ?? []} />
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
        </div>
      </div>
    </Dialog>
  );
}

function Neighbours({ survey, near, onOther }: Pick<Props, "survey" | "onOther"> & Pick<Facts, "near">) {
  return (
    <div className="strip">
      {near.map((other) => (
        <button
          key={other.object}
          type="button"
          aria-label={`${other.object}, similarity ${other.similarity.toFixed(2)}`}
          title={`${other.object}, ${other.similarity.toFixed(3)}`}
          onClick={() => onOther(other.object)}
        >
          <Picture url={pictureUrl(survey, other.object, 96)} size={72} />
        </button>
      ))}
    </div>
  );
}
