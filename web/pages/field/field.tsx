import { useState } from "react";
import type { FieldView } from "../../../src/contract/fields.ts";
import { openCheck } from "../../actions/check.ts";
import { recallKeys } from "../../actions/keys.ts";
import { newKey, useWho } from "../../actions/memory.ts";
import { go, pages, useTitle } from "../../actions/route.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { featuresOf, useSurvey } from "../../actions/use-survey.ts";
import { api } from "../../client/api.ts";
import { PageFailure } from "../../parts/failure.tsx";
import { toFile, turnedBox } from "../../parts/field/turn.ts";
import { useOutlines } from "../../parts/field/use-outlines.ts";
import { ObjectView } from "../../parts/object/object-view.tsx";
import { Notice } from "../../parts/save-state.tsx";
import { type LiveSession, useSession } from "../../session/use-session.ts";
import { FieldCanvas } from "./field-canvas.tsx";
import { FieldSide } from "./side.tsx";
import { FieldToolbar } from "./toolbar.tsx";
import { useFieldKeys } from "./use-field-keys.ts";
import { useShapes } from "./use-shapes.ts";
import "./field.css";

interface Props {
  survey: string;
  session: string | null;
  field: string | null;
  object: string | null;
}

/** An image with everything that was found in it: looked through, labelled, and what was missed drawn. */
export function FieldPage({ survey, session: id, field: name, object }: Props) {
  const { session, failure: closed } = useSession(id, useWho());
  const { answer: fields, failure } = useAsked(() => api.fields(survey), [survey]);
  const { answer: placed } = useAsked(() => (object === null ? null : api.candidates(survey, [object])), [object]);
  const known = object === null ? undefined : (session?.state.boxes[object]?.field ?? placed?.[0]?.field);
  const shown = name ?? known ?? (object === null || placed !== null ? fields?.[0]?.name : undefined);
  const { answer: field, failure: unknown } = useAsked(
    () => (shown === undefined ? null : api.field(survey, shown)),
    [survey, shown],
  );
  useTitle(shown === undefined ? undefined : `${shown}: detections`);
  const why = failure ?? unknown ?? closed;
  if (why !== null) return <PageFailure what={`No image of ${survey} can be shown`} why={why} />;
  if (fields?.length === 0) return <PageFailure what={`${survey} is no survey of detections`} why="it has no images" />;
  if (fields === null || field === null || (id !== null && session === null)) return <p className="hint">Opening…</p>;
  return <Field survey={survey} session={session} fields={fields} field={field} first={object} />;
}

interface FieldProps {
  survey: string;
  session: LiveSession | null;
  fields: NonNullable<Awaited<ReturnType<typeof api.fields>>>;
  field: FieldView;
  first: string | null;
}

const NO_BOXES = {};

function Field({ survey, session, fields, field, first }: FieldProps) {
  const [least, setLeast] = useState(0);
  const [drawing, setDrawing] = useState(false);
  const [selected, setSelected] = useState(first);
  const [open, setOpen] = useState<string | null>(null);
  const [keys] = useState(recallKeys);
  const { shown: outlines, toggle } = useOutlines(survey, []);
  const shapes = useShapes(field, session?.state.boxes === undefined ? NO_BOXES : session.boxes, least);
  const labelOf = session?.labelOf ?? (() => null);
  const chosen = shapes.find(({ object }) => object === selected) ?? null;
  const { step, give } = useFieldKeys({ session, shapes, selected, setSelected, keys, toggle, setDrawing, setOpen });
  const { answer: info } = useSurvey(survey);
  const [failure, check] = useCheck(survey, field.name);
  const draw = (box: number[]) => {
    setDrawing(false);
    const object = session === null ? null : drawn(session, field, box);
    if (object !== null) setSelected(object);
  };
  return (
    <div className="results field-page">
      <FieldToolbar
        survey={survey}
        title={info?.title ?? survey}
        fields={fields}
        field={field.name}
        session={session}
        keys={keys}
        onCheck={check}
        {...{ least, onLeast: setLeast, outlines, onOutlines: toggle, drawing, onDrawing: setDrawing }}
      />
      {session !== null && <Notice session={session} />}
      {failure !== null && <p className="notice">{failure}</p>}
      <div className="map-and-list">
        <div className="field-stage">
          <FieldCanvas
            {...{ survey, field, shapes, selected, outlines, labelOf, drawing }}
            onSelect={setSelected}
            onOpen={(object) => isCandidate(field, object) && setOpen(object)}
            onDraw={draw}
          />
          {drawing && <p className="drawing">Draw a box around an object that was missed. Escape ends it.</p>}
        </div>
        <FieldSide
          {...{ survey, field, shapes, selected: chosen, outlines, keys, labelOf }}
          onLabel={session === null ? null : give}
          onSelect={setSelected}
          onStep={step}
          onOpen={setOpen}
        />
      </div>
      {open !== null && info !== null && (
        <ObjectView
          survey={survey}
          object={open}
          model={session?.state.model ?? featuresOf(info).ready[0] ?? ""}
          session={session?.state.session}
          lastSeq={session?.state.lastSeq}
          label={labelOf(open)}
          onLabel={session === null ? undefined : (value) => session.label([open], value)}
          list={shapes.flatMap(({ object }) => (isCandidate(field, object) ? [object] : []))}
          onOther={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

const isCandidate = (field: FieldView, object: string) => field.candidates.some((one) => one.object === object);

/** A smaller box is a slip of the hand. */
const LEAST_PX = 3;

/** Adds what was drawn to the session, in whole pixels of the file and within it. Returns its id; null: too small. */
function drawn(session: LiveSession, field: FieldView, shown: readonly number[]): string | null {
  const inside = (at: number, side: number) => Math.min(side, Math.max(0, Math.round(at)));
  const [x1, y1, x2, y2] = turnedBox(toFile, field, shown).map((at, i) =>
    inside(at, i % 2 === 0 ? field.widthPx : field.heightPx),
  );
  if (x2 - x1 < LEAST_PX || y2 - y1 < LEAST_PX) return null;
  const object = `${field.name}-drawn-${newKey().slice(0, 6)}`;
  session.draw(object, { field: field.name, box: [x1, y1, x2, y2] });
  return object;
}

/** Begins to look through a survey's candidates, or goes on with it. */
function useCheck(survey: string, field: string) {
  const [failure, setFailure] = useState<string | null>(null);
  const who = useWho();
  const check = () =>
    void api
      .survey(survey)
      .then((info) => openCheck(info, who))
      .then((session) => go(pages.field(survey, { session, field })))
      .catch((error: Error) => setFailure(error.message));
  return [failure, check] as const;
}
