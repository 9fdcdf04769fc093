/** Convolutional networks that end in classes, as networks whose features are the logits. */
import { existsSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { CLASSIFIERS, type ClassifierName } from "../../models/classifiers.ts";
import { plainReader } from "../../models/feature-reader.ts";
import { normaliseNames } from "../../models/index.ts";
import { Layer } from "../../nn/index.ts";
import { type Parameter, readSafetensors, scope, type Tensor } from "../../torch/index.ts";
import type { Network } from "../task.ts";
import { FeatureNetwork } from "./feature-network.ts";

/** Whether a name is one of the convolutional networks. */
export function isConvnet(name: string): name is ClassifierName {
  return name in CLASSIFIERS;
}

/** Side of the images of a convolutional network unless another is asked for. */
export const CONVNET_PX = 64;

/** The last layer of each network has its own number of classes and is not loaded from weights with another one. */
const LAST_LAYERS = ["classifier.6.weight", "classifier.6.bias", "fc.weight", "fc.bias"];

/** Gives back what it is given: the head of a network that ends in classes. */
export class NoHead extends Layer {
  forward(logits: Tensor): Tensor {
    return logits;
  }
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
export function convnet(
  name: ClassifierName,
  classes: number,
  weights: string | undefined,
  weightsHash = "none",
): Network {
  const layer = CLASSIFIERS[name](classes);
  if (weights !== undefined) loadConvnet(name, layer, weights);
  const backbone = new EndsInClasses(layer, classes, weights !== undefined);
  return { name, backbone, reader: plainReader(backbone), weightsHash };
}

/** A convolutional network with the weights that it was saved with, in evaluation mode. Throws STATE_MISMATCH. */
export function savedConvnet(name: ClassifierName, classes: number, tensors: Record<string, Tensor>): Network {
  const backbone = new EndsInClasses(CLASSIFIERS[name](classes), classes, false);
  backbone.layer.loadStateDict(tensors);
  return { name, backbone: backbone.eval(), reader: plainReader(backbone), weightsHash: "none" };
}

/** Whether a network ends in classes, so that no head belongs on it. */
export function endsInClasses({ backbone }: Network): boolean {
  return backbone instanceof EndsInClasses;
}
