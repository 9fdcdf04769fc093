import { useEffect, useRef } from "react";
import type { LabelValue } from "../../../src/contract/api.ts";
import type { FieldView } from "../../../src/contract/fields.ts";
import type { Keys } from "../../actions/keys.ts";
import { pictureUrl } from "../../client/api.ts";
import { Outline } from "../../parts/field/outline.tsx";
import { toFile, turnedBox } from "../../parts/field/turn.ts";
import { LabelChoices, Steps } from "../../parts/object/choices.tsx";
import { Picture } from "../../parts/picture.tsx";
import type { Shape } from "./paint.ts";
import { skyAt, skyText } from "./sky.ts";

const MARK: Record<LabelValue, string> = { positive: "✓", negative: "✗", unsure: "?", clear: "" };
/** As long a list as a person looks through. */
const LISTED = 400;

interface Props {
  survey: string;
  field: FieldView;
  shapes: readonly Shape[];
  selected: Shape | null;
  outlines: boolean;
  keys: Keys;
  labelOf(object: string): LabelValue | null;
  /** Absent where there is no session to label in. */
  onLabel: ((value: LabelValue) => void) | null;
  onSelect(object: string): void;
  onStep(by: 1 | -1): void;
  onOpen(object: string): void;
}

/** Beside the image: the selected object, and all of them as a list, highest score first. */
export function FieldSide(props: Props) {
  const { shapes, selected, labelOf, onSelect } = props;
  const list = useRef<HTMLOListElement>(null);
  const object = selected?.object;
  useEffect(() => {
    if (object !== undefined) list.current?.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
  }, [object]);
  return (
    <aside className="side" aria-label="Objects in this image">
      {selected === null ? <p className="hint">Nothing is selected.</p> : <Selected {...props} shape={selected} />}
      <ol ref={list} className="plain field-list" aria-label="Objects, highest score first">
        {shapes.slice(0, LISTED).map(({ object, score }) => (
          <li key={object}>
            <button
              type="button"
              className={`quiet ${labelOf(object) ?? ""}`}
              aria-pressed={object === selected?.object}
              onClick={() => onSelect(object)}
            >
              <span>{object}</span>
              <span>{score === null ? "drawn" : score.toFixed(3)}</span>
              <span className="sign">{MARK[labelOf(object) ?? "clear"]}</span>
            </button>
          </li>
        ))}
      </ol>
      {shapes.length > LISTED && <p className="hint">and {shapes.length - LISTED} more on the image</p>}
    </aside>
  );
}

function Selected({
  survey,
  field,
  shapes,
  shape,
  outlines,
  keys,
  labelOf,
  onLabel,
  onStep,
  onOpen,
}: Props & { shape: Shape }) {
  const { object, score } = shape;
  const candidate = field.candidates.find((one) => one.object === object);
  const [x1, y1, x2, y2] = turnedBox(toFile, field, shape.box);
  const [u, v] = [(x1 + x2) / 2 / field.widthPx, (y1 + y2) / 2 / field.heightPx];
  return (
    <section aria-label={`Selected: ${object}`} className="selected">
      {candidate !== undefined && (
        <button
          type="button"
          className="stamp"
          title={`Look at it closely (${keys.open})`}
          onClick={() => onOpen(object)}
        >
          <Picture url={pictureUrl(survey, object, 256)} size={180} alt={`Stamp of ${object}`} />
          {outlines && <Outline candidate={candidate} />}
        </button>
      )}
      <h2>{object}</h2>
      <p className="hint">
        {score === null ? "drawn by hand" : `${candidate?.class}, score ${score.toFixed(3)}`}, box{" "}
        {(x2 - x1).toFixed(0)} × {(y2 - y1).toFixed(0)} px
        {field.pixelScaleArcsec !== null && ` (${((x2 - x1) * field.pixelScaleArcsec).toFixed(1)}″ across)`}
        {field.sky !== null && (
          <>
            <br />
            {skyText(skyAt(field.sky, u, v))}
          </>
        )}
      </p>
      {onLabel !== null && <LabelChoices label={labelOf(object)} keys={keys} onLabel={onLabel} />}
      <Steps place={shapes.findIndex((one) => one.object === object)} of={shapes.length} onStep={onStep} />
    </section>
  );
}
