/**
 * Networks that classify: an LVM's encoder with a head on its features, a convolutional network that ends in classes,
 * or features that were read before.
 */
import { existsSync } from "node:fs";
import { blocks } from "../../base/blocks.ts";
import { SkyloopError } from "../../base/errors.ts";
import { hashFile } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import type { Backbone, Capability } from "../../models/backbone.ts";
import { CLASSIFIERS, type ClassifierName } from "../../models/classifiers.ts";
import { projectionIn, readProjection } from "../../models/feature-projection.ts";
import { featuresOf, plainReader, readingOf } from "../../models/feature-reader.ts";
import { createModel, loadWeights, normaliseNames, releasedWeights } from "../../models/index.ts";
import { Layer, Module } from "../../nn/index.ts";
import { listFeatures } from "../../store/features.ts";
import { noGrad, type Parameter, readSafetensors, scope, type Tensor, tensor } from "../../torch/index.ts";
import { skyloopVersion } from "../card.ts";
import { featuresFor } from "../embed/embed.ts";
import type { HeadCard, InputsOf, Network, NetworkRequest, NetworkSource, Packed } from "../task.ts";
import { type ClassSamples, IMAGES_AT_ONCE, type SplitBy } from "./data.ts";
import { ClassifyHead, classifyLogits, type FeatureHeadCard, pickRows } from "./head.ts";

/** From images [B, 3, S, S] in [0, 1], or from features, to logits [B, classes]. */
export interface Classifier {
  network: Network;
  /** From what the network gives to logits. */
  head: Layer;
}

/** Puts both in training or evaluation; a frozen network stays in evaluation. */
export function setTraining({ network, head }: Classifier, on: boolean, frozen: boolean): void {
  network.backbone.train(on && !frozen);
  head.train(on);
}

/** Frees network and head. */
export function disposeClassifier({ network, head }: Classifier): void {
  network.reader.dispose();
  network.backbone.dispose();
  head.dispose();
}

/** Whether a name is one of the convolutional networks. */
export function isConvnet(name: string): name is ClassifierName {
  return name in CLASSIFIERS;
}

/** Side of the images of a convolutional network unless another is asked for. */
const CONVNET_PX = 64;

/** The last layer of each network has its own number of classes and is not loaded from weights with another one. */
const LAST_LAYERS = ["classifier.6.weight", "classifier.6.bias", "fc.weight", "fc.bias"];

/** Gives back what it is given: the head of a network that ends in classes. */
export class NoHead extends Layer {
  forward(logits: Tensor): Tensor {
    return logits;
  }
}

/** A network that gives features only. */
abstract class FeatureNetwork extends Module implements Backbone {
  readonly gives: readonly Capability[] = ["features"];
  readonly channels: readonly number[] = [];
  abstract readonly featureDim: number;
  abstract readonly imageSize: number;
  abstract features(inputs: Tensor): Tensor;
  maps(): never {
    throw new Error("this network gives features only");
  }
  abstract learned(): [string, Parameter][];
  abstract kept(): [string, Tensor][];
}

/** A convolutional network whose features are the classes' logits. */
class EndsInClasses extends FeatureNetwork {
  readonly imageSize = CONVNET_PX;
  readonly featureDim: number;
  readonly layer: Layer;
  readonly #brought: boolean;

  constructor(layer: Layer, classes: number, brought: boolean) {
    super();
    [this.layer, this.featureDim, this.#brought] = [layer, classes, brought];
  }
  features(images: Tensor): Tensor {
    return this.layer.forward(images);
  }
  learned(): [string, Parameter][] {
    return [...this.layer.namedParameters()];
  }
  kept(): [string, Tensor][] {
    return [...this.layer.namedTensors()];
  }
  isNew(name: string): boolean {
    return !this.#brought || LAST_LAYERS.includes(name);
  }
}

/** Features that were read before: they are given and come back. */
class KeptFeatures extends FeatureNetwork {
  readonly imageSize = 0;
  readonly featureDim: number;

  constructor(dim: number) {
    super();
    this.featureDim = dim;
  }
  features(rows: Tensor): Tensor {
    return rows;
  }
  learned(): [string, Parameter][] {
    return [];
  }
  kept(): [string, Tensor][] {
    return [];
  }
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

/**
 * A convolutional network, initialised or from weights with torchvision's names. Throws WEIGHTS_MISSING,
 * STATE_MISMATCH.
 */
function convnet(name: ClassifierName, classes: number, weights: string | undefined, weightsHash = "none"): Network {
  const layer = CLASSIFIERS[name](classes);
  if (weights !== undefined) loadConvnet(name, layer, weights);
  const backbone = new EndsInClasses(layer, classes, weights !== undefined);
  return { name, backbone, reader: plainReader(backbone), weightsHash };
}

/** An LVM, in the reading of its weights. Throws UNKNOWN_MODEL, WEIGHTS_MISSING. */
function lvm(name: string, weights: string): Network {
  const backbone = createModel(name);
  if (!existsSync(weights))
    throw new SkyloopError(
      "WEIGHTS_MISSING",
      `no weights of ${name} at ${weights}; give --weights FILE.safetensors, or a model with released weights`,
    );
  const notes = loadWeights(backbone, weights);
  const reader = featuresOf(backbone, readingOf(backbone, notes, readProjection(weights)));
  return { name, backbone, reader, weightsHash: "none" };
}

/** A classifier to begin with: its network, initial weights and number of classes. */
export interface NewClassifier {
  /** A model of the table, or alexnet, vgg16, resnet18, resnet50. */
  name: string;
  classes: number;
  /** Weights to begin with; the released ones of an LVM, none of a convolutional network. */
  weights?: string;
  /** Of an LVM's head. */
  dropout?: number;
}

/** A classifier before training. Draws from torch's seed. Throws UNKNOWN_MODEL, WEIGHTS_MISSING, STATE_MISMATCH. */
export function createClassifier({ name, classes, weights, dropout = 0.3 }: NewClassifier): Classifier {
  if (isConvnet(name)) return { network: convnet(name, classes, weights), head: new NoHead() };
  const network = lvm(name, weights ?? releasedWeights(name));
  return { network, head: new ClassifyHead(network.reader.dim, classes, dropout) };
}

/** Whether a network ends in classes, so that no head belongs on it. */
export function endsInClasses({ backbone }: Network): boolean {
  return backbone instanceof EndsInClasses;
}

/** Whether a network's features are read from disk. */
export function isKept({ backbone }: Network): boolean {
  return backbone instanceof KeptFeatures;
}

/** Features on disk as a network, and what it is given of rows of the catalogue. */
interface ReadBefore {
  network: Network;
  inputs: InputsOf;
}

/** The name of the feature set of a request: those of weights that were given get a name of their own. */
async function featureSetOf({ model, weights, features }: Omit<NetworkRequest, "frozen">): Promise<string> {
  if (weights !== undefined && !existsSync(weights))
    throw new SkyloopError("WEIGHTS_MISSING", `no weights of ${model} at ${weights}; check the path`);
  return features ?? (weights === undefined ? model : `${model}-${(await hashFile(weights)).slice(0, 8)}`);
}

/** Features of a set that is on disk, computed first where it is missing. Throws what computing features throws. */
async function readFeatures(
  folder: string,
  name: string,
  { model, weights, progress }: Pick<NetworkRequest, "model" | "weights" | "progress">,
): Promise<ReadBefore> {
  const set = await featuresFor(folder, model, name, progress, weights);
  const { dim, weightsHash } = set;
  const matrix = set.matrix();
  set.close();
  const backbone = new KeptFeatures(dim);
  return {
    network: { name: model, backbone, reader: plainReader(backbone), weightsHash },
    inputs: (rows) => tensor(pickRows(matrix, dim, rows), [rows.length, dim]),
  };
}

/**
 * The networks that only classification knows: those that end in classes, which always learn as a whole, and features
 * on disk in place of an encoder that does not learn; null for an LVM that does.
 */
export async function classNetwork(request: NetworkRequest): Promise<NetworkSource<ClassSamples> | null> {
  const { model, weights, frozen } = request;
  if (isConvnet(model)) {
    const weightsHash = weights !== undefined && existsSync(weights) ? await hashFile(weights) : "none";
    return {
      name: model,
      inputPx: CONVNET_PX,
      gives: ["features"],
      load: ({ classes }) => convnet(model, classes.length, weights, weightsHash),
    };
  }
  if (!frozen) return null;
  const features = await featureSetOf(request);
  let read: ReadBefore;
  return {
    name: model,
    inputPx: 0,
    gives: ["features"],
    features,
    async inputs() {
      read = await readFeatures(request.folder, features, request);
      return read.inputs;
    },
    load: () => read.network,
  };
}

/** What a saved network needs beside its weights. */
export interface NetworkCard {
  model: string;
  column: string;
  classes: string[];
  sizePx: number;
  temperature: number;
  /** How the objects of its training were split; absent in files of older versions. */
  splitBy?: SplitBy | null;
}

/** What is packed of a trained network. The decoder of an LVM, which took no part, is left out. */
export function packNetwork(
  { network: { backbone, reader }, head }: Classifier,
  { model, ...details }: NetworkCard,
  about: Partial<Pick<Packed, "trainedOn" | "made">> = {},
): Packed<Omit<NetworkCard, "model">> {
  const under = (part: string, tensors: Iterable<[string, Tensor]>) =>
    [...tensors].map(([name, value]): [string, Tensor] => [`${part}.${name}`, value]);
  const state = isConvnet(model)
    ? backbone.kept()
    : [...under("encoder", backbone.kept()), ...under("head", head.namedTensors())];
  return {
    backbone: { name: model, weightsHash: null },
    trainedOn: { dataHash: null },
    made: { skyloop: skyloopVersion(), seed: null, steps: null },
    ...about,
    details,
    tensors: { ...Object.fromEntries(state), ...reader.tensors },
    notes: reader.notes,
  };
}

/** Whether a card is of a network that reads pixels, and not of a head on features. */
export function isNetworkCard({ details }: HeadCard): boolean {
  return !("dim" in details);
}

/** A network from its card, tensors and notes, in evaluation mode. */
export function openNetwork(
  { backbone: { name: model }, details }: HeadCard,
  tensors: Record<string, Tensor>,
  notes: Record<string, string>,
): Classifier & { card: NetworkCard } {
  const card = { ...details, model } as NetworkCard;
  const K = card.classes.length;
  if (isConvnet(model)) {
    const network = convnet(model, K, undefined);
    (network.backbone as EndsInClasses).layer.loadStateDict(tensors);
    network.backbone.eval();
    return { network, head: new NoHead().eval(), card };
  }
  const under = (part: string) =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([key, value]) =>
        key.startsWith(`${part}.`) ? [[key.slice(part.length + 1), value]] : [],
      ),
    );
  const backbone = createModel(model);
  backbone.loadStateDict(under("encoder"), { partial: true });
  const reader = featuresOf(backbone.eval(), readingOf(backbone, notes, projectionIn(tensors)));
  const head = new ClassifyHead(reader.dim, K);
  head.loadStateDict(under("head"));
  return { network: { name: model, backbone, reader, weightsHash: "none" }, head: head.eval(), card };
}

/**
 * The features that a head reads, as a network, computed first where they are missing. Throws OTHER_WEIGHTS where the
 * survey's are of other weights, or would be.
 */
export async function networkOfHead(
  folder: string,
  { model, features, weightsHash }: FeatureHeadCard,
  progress: Progress,
): Promise<ReadBefore> {
  const refuse = (found: string) => {
    if (found !== weightsHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `the head reads features of ${model} with weights ${weightsHash.slice(0, 12)}, ${folder} has them with ${found.slice(0, 12)}; embed it with the same weights, or train the head again`,
      );
  };
  const isThere = listFeatures(folder).some((set) => set.model === features);
  // Hours of features that the head cannot read are not begun.
  if (!isThere && existsSync(releasedWeights(model))) refuse(await hashFile(releasedWeights(model)));
  const read = await readFeatures(folder, features, { model, progress });
  refuse(read.network.weightsHash);
  return read;
}

/** Numbers [n, ...] of places, `size` of them at a time, one below the other. */
export function perBlock(places: number[], size: number, of: (some: number[]) => Tensor): Float32Array {
  const parts = blocks(places.length, size).map(({ from, to }) =>
    noGrad(() => scope(() => of(places.slice(from, to)).toFloat32Array())),
  );
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Row numbers as an int64 tensor [rows], to select rows of another tensor. */
export const indexOf = (rows: number[]) => tensor(rows, [rows.length], "int64");

/** Features that a frozen encoder has read, by row of the images. */
export type FeaturesByRow = Map<number, Float32Array>;

/**
 * Logits [rows, classes] of some of the images, not augmented. With `known`, which must be of this network and these
 * images, a network with a head reads only what it has not read yet, and adds it.
 */
export function networkLogits(
  { network, head }: Classifier,
  images: Tensor,
  rows: number[],
  known?: FeaturesByRow,
): Float32Array {
  const read = (some: number[]) => network.reader.of(images.indexSelect(0, indexOf(some)).to("float32"));
  if (known === undefined || !(head instanceof ClassifyHead))
    return perBlock(rows, IMAGES_AT_ONCE, (some) => head.forward(read(some)));
  const missing = rows.filter((row) => !known.has(row));
  const found = perBlock(missing, IMAGES_AT_ONCE, read);
  const { dim } = network.reader;
  for (const [i, row] of missing.entries()) known.set(row, found.slice(i * dim, (i + 1) * dim));
  const features = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) features.set(known.get(row) as Float32Array, i * dim);
  return classifyLogits(head, features, dim);
}
