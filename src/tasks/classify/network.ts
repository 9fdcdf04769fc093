/**
 * Networks that classify: an LVM's encoder with a head on its features, a convolutional network that ends in classes,
 * or features that were read before.
 */
import { existsSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { hashFile } from "../../base/files.ts";
import { readProjection } from "../../models/feature-projection.ts";
import { featuresOf, readingOf } from "../../models/feature-reader.ts";
import { createModel, loadWeights, releasedWeights } from "../../models/index.ts";
import type { Layer } from "../../nn/index.ts";
import type { Network, NetworkRequest, NetworkSource } from "../task.ts";
import { CONVNET_PX, convnet, isConvnet, NoHead } from "./convnet.ts";
import type { ClassSamples } from "./data.ts";
import { ClassifyHead } from "./head.ts";
import { featureSetOf, type ReadBefore, readFeatures } from "./kept-features.ts";

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
