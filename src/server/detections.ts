/** The detections of the surveys that a server has open: images, candidates and their outlines, read when first asked for. */
import { SkyloopError } from "../base/errors.ts";
import type { Candidate, FieldImage, FieldInfo, FieldView } from "../contract/fields.ts";
import { candidateOf, type DetectionEntry, readDetections, readFieldImages, skyGrid } from "../survey/detections.ts";
import type { Survey } from "../survey/folder.ts";

interface Detections {
  /** By object. */
  entries: Map<string, DetectionEntry>;
  /** Of each image, highest score first. */
  ofField: Map<string, DetectionEntry[]>;
}

const images = new WeakMap<Survey, FieldImage[]>();
const detections = new WeakMap<Survey, Detections>();

/** The images of a survey of detections; none of another survey. Throws DETECTIONS_BROKEN. */
export function fieldsOf(survey: Survey): FieldImage[] {
  const known = images.get(survey) ?? readFieldImages(survey.folder) ?? [];
  images.set(survey, known);
  return known;
}

/** An image of a survey of detections by its name. Throws DETECTIONS_BROKEN. */
export const fieldOf = (survey: Survey, name: string): FieldImage | undefined =>
  fieldsOf(survey).find((field) => field.name === name);

/** An image and its place in the list. Throws FIELD_UNKNOWN. */
export function mustHaveField(survey: Survey, name: string): { field: FieldImage; place: number } {
  const fields = fieldsOf(survey);
  const place = fields.findIndex((field) => field.name === name);
  if (place >= 0) return { field: fields[place], place };
  const names = fields.slice(0, 8).map((field) => field.name);
  throw new SkyloopError(
    "FIELD_UNKNOWN",
    `survey ${survey.name} holds no detections in an image ${name}; ${names.length === 0 ? "it is no survey of detections" : `it has ${names.join(", ")}${fields.length > 8 ? ", …" : ""}`}`,
  );
}

function detectionsOf(survey: Survey): Detections {
  const known = detections.get(survey);
  if (known !== undefined) return known;
  const ofField = new Map<string, DetectionEntry[]>();
  const all = readDetections(survey.folder);
  for (const entry of all) {
    const own = ofField.get(entry.image);
    if (own === undefined) ofField.set(entry.image, [entry]);
    else own.push(entry);
  }
  const made = { entries: new Map(all.map((entry) => [entry.id, entry])), ofField };
  detections.set(survey, made);
  return made;
}

/** The images with the number of candidates in each. Throws DETECTIONS_BROKEN. */
export function fieldInfos(survey: Survey): FieldInfo[] {
  const fields = fieldsOf(survey);
  if (fields.length === 0) return [];
  const { ofField } = detectionsOf(survey);
  return fields.map((field) => ({ ...shownOf(field), candidates: ofField.get(field.name)?.length ?? 0 }));
}

const shownOf = ({ name, widthPx, heightPx, pixelScaleArcsec, turn, tilePx, levels }: FieldImage) => ({
  name,
  widthPx,
  heightPx,
  pixelScaleArcsec,
  turn,
  tilePx,
  levels,
});

/** An image with its sky and all that was found in it. Throws FIELD_UNKNOWN, DETECTIONS_BROKEN. */
export function fieldView(survey: Survey, name: string): FieldView {
  const { field } = mustHaveField(survey, name);
  const entries = detectionsOf(survey).ofField.get(name) ?? [];
  const candidates = entries.flatMap((entry) => candidateOf(survey, field, entry) ?? []);
  return { ...shownOf(field), sky: skyGrid(field), candidates };
}

/** Where objects were found; those that were not detected in an image are left out. Throws DETECTIONS_BROKEN. */
export function candidatesAmong(survey: Survey, objects: readonly string[]): Candidate[] {
  if (fieldsOf(survey).length === 0) return [];
  const { entries } = detectionsOf(survey);
  return objects.flatMap((object) => {
    const entry = entries.get(object);
    const field = entry === undefined ? undefined : fieldOf(survey, entry.image);
    return entry === undefined || field === undefined ? [] : (candidateOf(survey, field, entry) ?? []);
  });
}

/** The detector's score of each candidate, highest first. Throws DETECTIONS_BROKEN. */
export const detectorScores = (survey: Survey): { id: string; score: number }[] =>
  [...detectionsOf(survey).entries.values()].map(({ id, score }) => ({ id, score }));
