/**
 * A network from images to classes that is trained as a whole: an LVM's encoder with the head, or a convolutional
 * network.
 */
import { existsSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { CLASSIFIERS, type ClassifierName } from "../../models/classifiers.ts";
import { isProjectionName, projectionIn, projectionState, readProjection } from "../../models/feature-projection.ts";
import {
  type FeatureReader,
  type FeatureReading,
  featuresOf,
  notesOf,
  readingOf,
} from "../../models/feature-reader.ts";
import { createModel, loadWeights, normaliseNames, releasedWeights } from "../../models/index.ts";
import { isDecoderName, type SwinUnet } from "../../models/swin-unet.ts";
import { Layer } from "../../nn/index.ts";
import { noGrad, type Parameter, readSafetensors, scope, type Tensor, tensor } from "../../torch/index.ts";
import { skyloopVersion, writeHead } from "../card.ts";
import type { HeadCard, Packed } from "../task.ts";
import { CLASSIFY_NAME, ClassifyHead, classifyLogits } from "./head.ts";

/** Images [B, 3, S, S] in [0, 1] to logits [B, classes]. */
export interface ImageClassifier {
  readonly layer: Layer;
  /** Side of the images it is made for. */
  readonly sizePx: number;
  /** New parameters, and those that come with knowledge and are moved more carefully. */
  readonly parameters: { fresh: [string, Parameter][]; learned: [string, Parameter][] };
  /** What its file must say beside the card, and tensors that are no parameters of the layer. */
  readonly notes: Record<string, string>;
  readonly extra: Record<string, Tensor>;
  /**
   * Of an LVM whose encoder does not learn: the features [B, dim] that images are predicted from, and the head that
   * does so.
   */
  readonly frozen: { features(images: Tensor): Tensor; head: ClassifyHead } | null;
  dispose(): void;
}

/**
 * Encoder, reading and head as one layer. It learns from one view of each image, which is a random one already, and
 * predicts from as many as its weights ask.
 */
class LvmClassifier extends Layer {
  readonly encoder: SwinUnet;
  readonly head: ClassifyHead;
  readonly #reader: FeatureReader;
  readonly #frozen: boolean;

  constructor(encoder: SwinUnet, reader: FeatureReader, head: ClassifyHead, frozen: boolean) {
    super();
    [this.encoder, this.#reader, this.head, this.#frozen] = [encoder, reader, head, frozen];
  }
  /** Features as they are while learning. */
  features(images: Tensor): Tensor {
    return this.#reader.once(images);
  }
  forward(images: Tensor): Tensor {
    const read = () => (this.training ? this.#reader.once(images) : this.#reader.of(images));
    return this.head.forward(this.#frozen ? noGrad(read) : read());
  }
  override train(on = true): this {
    super.train(on);
    if (this.#frozen) this.encoder.eval();
    return this;
  }
}

/** Whether a name is one of the convolutional networks. */
export function isConvnet(name: string): name is ClassifierName {
  return name in CLASSIFIERS;
}

/** Side of the images of a convolutional network unless another is asked for. */
const CONVNET_PX = 64;

/** The last layer of each network has its own number of classes and is not loaded from weights with another one. */
const LAST_LAYERS = ["classifier.6.weight", "classifier.6.bias", "fc.weight", "fc.bias"];

/**
 * A convolutional network, initialised or from weights with torchvision's names. Throws WEIGHTS_MISSING,
 * STATE_MISMATCH.
 */
function convnet(name: ClassifierName, classes: number, weights: string | undefined): ImageClassifier {
  const layer = CLASSIFIERS[name](classes);
  const all = [...layer.namedParameters()];
  if (weights !== undefined) loadConvnet(name, layer, weights);
  const isFresh = ([key]: [string, Parameter]) => weights === undefined || LAST_LAYERS.includes(key);
  return {
    layer,
    sizePx: CONVNET_PX,
    parameters: { fresh: all.filter(isFresh), learned: all.filter((entry) => !isFresh(entry)) },
    notes: {},
    extra: {},
    frozen: null,
    dispose: () => layer.dispose(),
  };
}

function loadConvnet(name: string, layer: Layer, weights: string): void {
  if (!existsSync(weights))
    throw new SkyloopError(
      "WEIGHTS_MISSING",
      `no weights of ${name} at ${weights}; give a safetensors file with torchvision's names`,
    );
  scope(() => {
    const own = layer.stateDict();
    const found = normaliseNames(readSafetensors(weights).tensors, (key) => key in own);
    const state = { ...found };
    for (const key of LAST_LAYERS) if (key in own) state[key] = own[key];
    // torchvision's files may lack the counters of batches, which nothing reads.
    for (const key of Object.keys(own)) if (key.endsWith("num_batches_tracked")) state[key] ??= own[key];
    layer.loadStateDict(
      Object.fromEntries(Object.entries(state).filter(([key]) => key in own || !LAST_LAYERS.includes(key))),
    );
  });
}

/** An LVM with a new head. `frozen`: only the head learns. */
function lvm(name: string, classes: number, weights: string, frozen: boolean, dropout: number): ImageClassifier {
  const encoder = createModel(name);
  if (!existsSync(weights))
    throw new SkyloopError(
      "WEIGHTS_MISSING",
      `no weights of ${name} at ${weights}; give --weights FILE.safetensors, or a model with released weights`,
    );
  const notes = loadWeights(encoder, weights);
  return lvmOf(encoder, readingOf(encoder, notes, readProjection(weights)), classes, frozen, dropout);
}

function lvmOf(
  encoder: SwinUnet,
  reading: FeatureReading,
  classes: number,
  frozen: boolean,
  dropout: number,
): ImageClassifier {
  const reader = featuresOf(encoder, reading);
  const layer = new LvmClassifier(encoder, reader, new ClassifyHead(reader.dim, classes, dropout), frozen);
  const all = [...layer.namedParameters()];
  return {
    layer,
    sizePx: reading.sizePx,
    parameters: {
      fresh: all.filter(([key]) => key.startsWith("head.")),
      learned: frozen
        ? []
        : all.filter(([key]) => key.startsWith("encoder.") && !isDecoderName(key.slice("encoder.".length))),
    },
    notes: notesOf(reading),
    extra: reading.projection === null ? {} : projectionState(reading.projection),
    frozen: frozen ? { features: (images) => reader.of(images), head: layer.head } : null,
    dispose() {
      reader.dispose();
      layer.dispose();
    },
  };
}

/** A classifier to begin with: its network, initial weights and number of classes. */
export interface NewClassifier {
  /** A model of the table, or alexnet, vgg16, resnet18, resnet50. */
  name: string;
  classes: number;
  /** Weights to begin with; the released ones of an LVM, none of a convolutional network. */
  weights?: string;
  frozen?: boolean;
  /** Of an LVM's head. */
  dropout?: number;
}

/** A classifier before training. Draws from torch's seed. Throws UNKNOWN_MODEL, WEIGHTS_MISSING, STATE_MISMATCH. */
export function createClassifier({
  name,
  classes,
  weights,
  frozen = false,
  dropout = 0.3,
}: NewClassifier): ImageClassifier {
  return isConvnet(name)
    ? convnet(name, classes, weights)
    : lvm(name, classes, weights ?? releasedWeights(name), frozen, dropout);
}

/**
 * Sets the head's mean and deviation to those of training images' features, batch by batch; a convolutional network has
 * none.
 */
export function standardiseHead({ layer }: ImageClassifier, batches: (() => Tensor)[]): void {
  if (!(layer instanceof LvmClassifier)) return;
  layer.eval();
  const rows: number[] = [];
  for (const images of batches)
    for (const value of noGrad(() => scope(() => layer.features(images()).toFloat32Array()))) rows.push(value);
  layer.head.standardise(Float32Array.from(rows), layer.head.mean.shape[0]);
}

/** What a saved network needs beside its weights. */
export interface NetworkCard {
  model: string;
  column: string;
  classes: string[];
  sizePx: number;
  temperature: number;
}

/** What is packed of a trained network. The decoder of an LVM, which took no part, is left out. */
export function packClassifier(
  { layer, notes, extra }: ImageClassifier,
  { model, ...details }: NetworkCard,
): Packed<Omit<NetworkCard, "model">> {
  const state = Object.entries(layer.stateDict()).filter(
    ([key]) => !(key.startsWith("encoder.") && isDecoderName(key.slice("encoder.".length))),
  );
  return {
    backbone: { name: model, weightsHash: null },
    trainedOn: { dataHash: null },
    made: { skyloop: skyloopVersion(), seed: null, steps: null },
    details,
    tensors: { ...Object.fromEntries(state), ...extra },
    notes,
  };
}

/** Writes a trained network with its card. */
export function saveClassifier(path: string, classifier: ImageClassifier, card: NetworkCard): void {
  scope(() => writeHead(path, CLASSIFY_NAME, packClassifier(classifier, card)));
}

/** Whether a card is of a network that reads pixels, and not of a head on features. */
export function isNetworkCard({ task, details }: HeadCard): boolean {
  return task === CLASSIFY_NAME && !("dim" in details);
}

/** A network from its card, tensors and notes, in evaluation mode. */
export function openClassifier(
  { backbone, details }: HeadCard,
  tensors: Record<string, Tensor>,
  notes: Record<string, string>,
): { classifier: ImageClassifier; card: NetworkCard } {
  const card = { ...details, model: backbone.name } as NetworkCard;
  const K = card.classes.length;
  let classifier: ImageClassifier;
  if (isConvnet(card.model)) classifier = convnet(card.model, K, undefined);
  else {
    const encoder = createModel(card.model);
    classifier = lvmOf(encoder, readingOf(encoder, notes, projectionIn(tensors)), K, true, 0);
  }
  const state = Object.entries(tensors).filter(([name]) => !isProjectionName(name));
  classifier.layer.loadStateDict(Object.fromEntries(state), { partial: !isConvnet(card.model) });
  classifier.layer.eval();
  return { classifier, card };
}

/** Images that a network is run on at once when it is not trained. */
export const MEASURE_BATCH = 64;
/** Row numbers as an int64 tensor [rows], to select rows of another tensor. */
export const indexOf = (rows: number[]) => tensor(rows, [rows.length], "int64");
/** Features that a frozen encoder has read, by row of the images. */
export type FeaturesByRow = Map<number, Float32Array>;
/** What a network says of some of the images, [rows, ...], block by block. */
function perImage(forward: (images: Tensor) => Tensor, images: Tensor, rows: number[]): Float32Array {
  const parts: Float32Array[] = [];
  for (let at = 0; at < rows.length; at += MEASURE_BATCH)
    parts.push(
      noGrad(() =>
        scope(() =>
          forward(images.indexSelect(0, indexOf(rows.slice(at, at + MEASURE_BATCH))).to("float32")).toFloat32Array(),
        ),
      ),
    );
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Logits [rows, classes] of some of the images, not augmented. With `known`, which must be of this encoder and these
 * images, a frozen encoder reads only what it has not read yet, and adds it.
 */
export function networkLogits(
  { layer, frozen }: ImageClassifier,
  images: Tensor,
  rows: number[],
  known?: FeaturesByRow,
): Float32Array {
  if (known === undefined || frozen === null) return perImage((some) => layer.forward(some), images, rows);
  const missing = rows.filter((row) => !known.has(row));
  const found = perImage(frozen.features, images, missing);
  const [dim] = frozen.head.mean.shape;
  for (const [i, row] of missing.entries()) known.set(row, found.slice(i * dim, (i + 1) * dim));
  const features = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) features.set(known.get(row) as Float32Array, i * dim);
  return classifyLogits(frozen.head, features, dim);
}
