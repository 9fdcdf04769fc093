/** Using a trained head on a survey: a catalogue with probabilities, and measures against a label column. */
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { loadInputs } from "../../batches/inputs.ts";
import { type CalibratedScores, scoreLogits, softmaxRows } from "../../measure/calibration.ts";
import type { Predicted } from "../../store/predictions.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";
import { scope, type Tensor } from "../../torch/index.ts";
import { readHead } from "../card.ts";
import { featuresFor } from "../embed/embed.ts";
import type { HeadCard } from "../task.ts";
import {
  CLASSIFY_NAME,
  type ClassifyHead,
  classifyLogits,
  type FeatureHeadCard,
  openFeatureHead,
  pickRows,
} from "./head.ts";
import { hardClasses, readClasses, readVotes } from "./labels.ts";
import { type ImageClassifier, isNetworkCard, type NetworkCard, networkLogits, openClassifier } from "./network.ts";

/** A trained classifier: a head on features that are read from disk, or a network that reads pixels. */
export type ClassModel =
  | { head: ClassifyHead; card: FeatureHeadCard }
  | { classifier: ImageClassifier; card: NetworkCard };

/** A classifier from its card, tensors and notes. */
export function openClassModel(
  card: HeadCard,
  tensors: Record<string, Tensor>,
  notes: Record<string, string>,
): ClassModel {
  return isNetworkCard(card) ? openClassifier(card, tensors, notes) : openFeatureHead(card, tensors);
}

/** Frees a classifier. */
export function disposeClassModel(model: ClassModel): void {
  if ("head" in model) model.head.dispose();
  else model.classifier.dispose();
}

/** Reads a trained classifier, ready to predict. Throws BAD_HEAD for any other file, HEAD_NEWER, FILE_UNREADABLE. */
export function loadClassModel(path: string): ClassModel {
  return scope(() => {
    const { card, tensors, notes } = readHead(path, CLASSIFY_NAME);
    return openClassModel(card, tensors, notes);
  });
}

/** Logits [count, classes] of every object of a survey. Throws OTHER_WEIGHTS, and what computing features throws. */
async function logitsOf(survey: Survey, model: ClassModel, progress: Progress): Promise<Float32Array> {
  if ("classifier" in model) {
    const rows = Array.from({ length: survey.count }, (_, row) => row);
    const images = await loadInputs(survey.folder, model.card.sizePx, rows, progress);
    const logits = networkLogits(model.classifier, images, rows);
    images.dispose();
    return logits;
  }
  const { head, card } = model;
  const features = await featuresFor(survey.folder, card.model, card.features, progress);
  if (features.weightsHash !== card.weightsHash)
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `the head reads features of ${card.model} with weights ${card.weightsHash.slice(0, 12)}, ${survey.folder} has them with ${features.weightsHash.slice(0, 12)}; embed it with the same weights, or train the head again`,
    );
  const logits = classifyLogits(head, features.matrix(), card.dim);
  features.close();
  return logits;
}

/** Probabilities of every object of a survey, a column a class. Throws OTHER_WEIGHTS. */
export async function predictProbabilities(survey: Survey, model: ClassModel, progress: Progress): Promise<Predicted> {
  const { classes, temperature, column } = model.card;
  return {
    columns: classes.map((name) => ({ name: columnFor(name), about: `probability of ${name}` })),
    values: softmaxRows(await logitsOf(survey, model, progress), classes.length, temperature),
    offsets: null,
    classes: { column, names: classes },
  };
}

/** A column name that every format takes. */
const columnFor = (name: string) => `p_${name.replace(/[^A-Za-z0-9_]+/g, "_")}`;

/**
 * Measures a head against a column of a survey (the one it was trained on unless given). Objects of other classes than
 * the head's are left out. A survey that it was trained on gives numbers that are too good: its own test share is in
 * the head's metrics.json.
 */
export async function evaluateClasses(
  folder: string,
  headPath: string,
  column: string | undefined,
  progress: Progress,
): Promise<{ survey: string; column: string; classes: string[]; scores: CalibratedScores }> {
  const survey = await openSurvey(folder);
  try {
    const model = loadClassModel(headPath);
    const { card } = model;
    const logits = await logitsOf(survey, model, progress).finally(() => disposeClassModel(model));
    const asked = column ?? card.column;
    const labelled = asked.includes(",")
      ? readVotes(survey, asked.split(","))
      : knownClasses(survey, asked, card.classes);
    const scores = scoreLogits(
      pickRows(logits, card.classes.length, labelled.rows),
      hardClasses(labelled),
      card.classes.length,
      card.temperature,
    );
    return { survey: survey.name, column: asked, classes: card.classes, scores };
  } finally {
    survey.close();
  }
}

/** The labels of a column as the head numbers its classes, also where the survey lacks some of them. */
function knownClasses(survey: Survey, column: string, classes: string[]) {
  const all = readClasses(survey, column);
  const place = all.classes.map((name) => classes.indexOf(name));
  const hard = hardClasses(all);
  const kept = all.rows.flatMap((row, i) => (place[hard[i]] >= 0 ? [{ row, k: place[hard[i]] }] : []));
  if (kept.length === 0)
    throw new SkyloopError(
      "NO_LABELS",
      `column ${column} of ${survey.folder} has none of the head's classes (${classes.join(", ")}); it has ${all.classes.slice(0, 12).join(", ")}`,
    );
  const targets = new Float32Array(kept.length * classes.length);
  for (const [i, { k }] of kept.entries()) targets[i * classes.length + k] = 1;
  return { classes, rows: kept.map(({ row }) => row), targets };
}
