/** Using a trained classifier: from its file to probabilities of a survey's objects. */
import type { Progress } from "../../base/progress.ts";
import { loadInputs } from "../../batches/inputs.ts";
import { softmaxRows } from "../../measure/calibration.ts";
import type { Predicted } from "../../store/predictions.ts";
import type { Survey } from "../../survey/folder.ts";
import type { Tensor } from "../../torch/index.ts";
import type { HeadCard, Packed } from "../task.ts";
import { ROWS_AT_ONCE } from "./data.ts";
import { type ClassifyHead, type FeatureHeadCard, openFeatureHead, packFeatureHead } from "./head.ts";
import { networkOfHead } from "./kept-features.ts";
import { networkLogits, perBlock } from "./logits.ts";
import { type Classifier, disposeClassifier } from "./network.ts";
import { isNetworkCard, type NetworkCard, openNetwork, packNetwork } from "./saved-network.ts";

/** Where a classifier comes from; null where it is not known. */
type Made = Partial<Pick<Packed, "trainedOn" | "made">>;

/** A trained classifier: a head on features that are read from disk, or a network that reads pixels. */
export type ClassModel = ({ head: ClassifyHead; card: FeatureHeadCard } | (Classifier & { card: NetworkCard })) & {
  about?: Made;
};

/** A classifier from its card, tensors and notes. */
export function openClassModel(
  card: HeadCard,
  tensors: Record<string, Tensor>,
  notes: Record<string, string>,
): ClassModel {
  const { trainedOn, made } = card;
  return {
    ...(isNetworkCard(card) ? openNetwork(card, tensors, notes) : openFeatureHead(card, tensors)),
    about: { trainedOn, made },
  };
}

/** What is written of a classifier. */
export function packClassModel(model: ClassModel): Packed<Omit<NetworkCard | FeatureHeadCard, "model">> {
  return "network" in model
    ? packNetwork(model, model.card, model.about)
    : packFeatureHead(model.head, model.card, model.about);
}

/** Frees a classifier. */
export function disposeClassModel(model: ClassModel): void {
  if ("network" in model) disposeClassifier(model);
  else model.head.dispose();
}

/** Logits [count, classes] of every object of a survey. Throws OTHER_WEIGHTS, and what computing features throws. */
async function logitsOf(survey: Survey, model: ClassModel, progress: Progress): Promise<Float32Array> {
  const rows = Array.from({ length: survey.count }, (_, row) => row);
  if ("network" in model) {
    const images = await loadInputs(survey.folder, model.card.sizePx, rows, progress);
    const logits = networkLogits(model, images, rows);
    images.dispose();
    return logits;
  }
  const { inputs } = await networkOfHead(survey.folder, model.card, progress);
  return perBlock(rows, ROWS_AT_ONCE, (some) => model.head.forward(inputs(some)));
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
