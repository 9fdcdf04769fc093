/** Every model by name. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { hashFile } from "../base/files.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { readSafetensors, scope, type Tensor } from "../torch/index.ts";
import type { Backbone, Capability } from "./backbone.ts";
import { CLASSIFIERS, type ClassifierName } from "./classifiers.ts";
import { DEFAULT_MODEL } from "./default-model.ts";
import { readProjection } from "./feature-projection.ts";
import { type FeatureReader, type FeatureReading, featuresOf, plainReader, readingOf } from "./feature-reader.ts";
import type { ResNet } from "./resnet.ts";
import { SwinUnet, type SwinUnetConfig } from "./swin-unet.ts";

export { type FeatureReader, type FeatureReading, featuresOf } from "./feature-reader.ts";

const COMMON = { patchSize: 4, window: 8, mlpRatio: 4, channels: 3 } as const;

/** The paper's network: 99,672,457 parameters. Queries are multiplied by 8, as in the published one. */
const LVM_BASE: SwinUnetConfig = {
  ...COMMON,
  imageSize: 128,
  embedDim: 96,
  depths: [8, 8, 8, 8],
  heads: [8, 8, 8, 8],
  qkScale: 8,
  dropPath: 0.1,
};
/** A network that two cores can train in hours. */
const LVM_TINY: SwinUnetConfig = {
  ...COMMON,
  imageSize: 128,
  embedDim: 48,
  depths: [2, 2, 6, 2],
  heads: [3, 6, 12, 24],
  qkScale: null,
  dropPath: 0.1,
};
/** A network that two cores can train in an hour, for stamps of 64 px. */
export const LVM_NANO: SwinUnetConfig = {
  ...COMMON,
  imageSize: 64,
  embedDim: 32,
  depths: [2, 2, 2, 2],
  heads: [2, 4, 8, 16],
  qkScale: null,
  dropPath: 0.05,
};

/** The encoders that have a name, with initial weights. */
export const MODELS = {
  "lvm-base": () => new SwinUnet(LVM_BASE),
  "lvm-tiny": () => new SwinUnet(LVM_TINY),
  "lvm-nano": () => new SwinUnet(LVM_NANO),
  /** The same encoder with the same weights, read in rings besides. */
  "lvm-nano-rings": () => new SwinUnet(LVM_NANO),
  /** Taught by published catalogues too; and read in rings besides. */
  "lvm-nano-morphology": () => new SwinUnet(LVM_NANO),
  "lvm-nano-morphology-rings": () => new SwinUnet(LVM_NANO),
  /** Taught by structures painted into real galaxies; and by catalogues besides. */
  "lvm-nano-structures": () => new SwinUnet(LVM_NANO),
  "lvm-nano-structures-morphology": () => new SwinUnet(LVM_NANO),
} as const;

/** One of the encoders, as `--model` and cards name it. */
export type ModelName = keyof typeof MODELS;

/** A new model with initial weights. Throws UNKNOWN_MODEL with the names there are. */
export function createModel(name: string): SwinUnet {
  if (!(name in MODELS))
    throw new SkyloopError("UNKNOWN_MODEL", `no model ${name}; there are ${Object.keys(MODELS).join(", ")}`);
  return MODELS[name as ModelName]();
}

/** Where the released weights of a model stand. */
export function releasedWeights(name: string): string {
  return join(PACKAGE_ROOT, "models", `${name}.safetensors`);
}

/**
 * Strips what training frameworks put before parameter names: `swin_unet.` (the authors' checkpoints), `module.` (data
 * parallel), `model.`, `weights.` (golden files); keeps only names of the network where a prefix was found.
 */
export function normaliseNames(
  state: Record<string, Tensor>,
  known: (name: string) => boolean,
): Record<string, Tensor> {
  const names = Object.keys(state);
  for (const prefix of ["", "swin_unet.", "module.swin_unet.", "module.", "model.", "weights."]) {
    const found = names.filter((name) => name.startsWith(prefix) && known(name.slice(prefix.length)));
    if (found.length > 0)
      return Object.fromEntries(
        names.filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), state[name]]),
      );
  }
  return state;
}

/**
 * Loads weights by name from a safetensors file and returns its notes; `partial` (released encoders) lets the decoder
 * keep its initial weights.
 */
export function loadWeights(
  model: SwinUnet,
  path: string,
  options: { partial?: boolean } = {},
): Record<string, string> {
  return scope(() => {
    const file = readSafetensors(path);
    const own = model.stateDict();
    model.loadStateDict(
      normaliseNames(file.tensors, (name) => name in own),
      { partial: options.partial ?? file.metadata.part === "encoder" },
    );
    return file.metadata;
  });
}

/** A model with weights from a file, in evaluation mode, and the file's notes. Throws WEIGHTS_MISSING. */
function modelWith(name: string, weights: string): { model: SwinUnet; notes: Record<string, string> } {
  const model = createModel(name);
  if (!existsSync(weights))
    throw new SkyloopError(
      "WEIGHTS_MISSING",
      `no weights of ${name} at ${weights}; give --weights FILE.safetensors, or use ${DEFAULT_MODEL}`,
    );
  const notes = loadWeights(model, weights);
  return { model: model.eval(), notes };
}

/**
 * A model with its released weights (or those in `weights`), ready to encode, how its features are read, and the hash
 * that names them. A projection is fitted to one reading: where `changes` ask for another, features stay unprojected.
 * Throws WEIGHTS_MISSING.
 */
export async function loadModel(
  name: string,
  weights = releasedWeights(name),
  changes: Partial<Omit<FeatureReading, "projection">> = {},
): Promise<{ model: SwinUnet; reader: FeatureReader; weightsHash: string }> {
  const { model, notes } = modelWith(name, weights);
  const projection = Object.keys(changes).length === 0 ? readProjection(weights) : null;
  return {
    model,
    reader: featuresOf(model, { ...readingOf(model, notes, projection), ...changes }),
    weightsHash: await hashFile(weights),
  };
}

/** The ResNets that may be backbones. */
const RESNETS: readonly ClassifierName[] = ["resnet18", "resnet50"];

/** A backbone before it is in memory: what inputs its features are made for, and what it gives. */
export interface BackboneSource {
  name: string;
  inputPx: number;
  gives: readonly Capability[];
  /** Makes it, in evaluation mode; initial weights are drawn from torch's seed. */
  load(): LoadedBackbone;
}

/**
 * Refuses a backbone that does not give what `what` needs. Throws BACKBONE_LACKS, naming those that do.
 */
export function checkBackbone(
  what: string,
  needs: readonly Capability[],
  { name, gives }: Pick<BackboneSource, "name" | "gives">,
): void {
  const lacking = needs.filter((need) => !gives.includes(need));
  if (lacking.length > 0)
    throw new SkyloopError(
      "BACKBONE_LACKS",
      `${what} needs a backbone that gives ${needs.join(", ")}; ${name} gives ${gives.join(", ")}; take one of ${Object.keys(MODELS).join(", ")}`,
    );
}

/**
 * A backbone by name: an LVM with its released weights (or those in `weights`), or a ResNet with torchvision's names,
 * new unless weights are given. Throws UNKNOWN_MODEL, WEIGHTS_MISSING; `load` STATE_MISMATCH.
 */
export async function loadBackbone(name: string, weights?: string): Promise<BackboneSource> {
  if (!RESNETS.includes(name as ClassifierName)) {
    const path = weights ?? releasedWeights(name);
    const inputPx = inputPxOf(name, path);
    const weightsHash = await hashFile(path);
    return {
      name,
      inputPx,
      gives: ["features", "maps", "skips"],
      load() {
        const loaded = modelWith(name, path);
        const reader = featuresOf(loaded.model, readingOf(loaded.model, loaded.notes, readProjection(path)));
        return { name, backbone: loaded.model, reader, weightsHash };
      },
    };
  }
  const weightsHash = weights === undefined ? "none" : await hashFile(weights);
  return {
    name,
    inputPx: RESNET_PX,
    gives: ["features", "maps"],
    load() {
      const backbone = CLASSIFIERS[name as "resnet18"](1) as ResNet;
      if (weights !== undefined)
        scope(() => {
          const own = Object.fromEntries(backbone.kept());
          const found = normaliseNames(readSafetensors(weights).tensors, (key) => key in own);
          // The last layer is of other classes than ours; files of before torchvision 0.4 do not count batches.
          const known = Object.entries(found).filter(([key]) => key in own);
          const spare = Object.entries(backbone.stateDict()).filter(
            ([key]) => !(key in own) || key.endsWith(".num_batches_tracked"),
          );
          backbone.loadStateDict(Object.fromEntries([...spare, ...known]));
        });
      return { name, backbone: backbone.eval(), reader: plainReader(backbone, RESNET_PX), weightsHash };
    },
  };
}

/** Side of the inputs that a model's features are made for: as the weights' notes say, else as it is configured. */
function inputPxOf(name: string, weights: string): number {
  const noted = existsSync(weights) ? readSafetensors(weights, () => false).metadata.sizePx : undefined;
  if (noted !== undefined) return Number(noted);
  const { model } = modelWith(name, weights);
  model.dispose();
  return model.imageSize;
}

/** Side of a ResNet's inputs unless another is asked for. */
const RESNET_PX = 64;

/** A backbone that is in memory, how its features are read, and the hash of its weights. */
export interface LoadedBackbone {
  name: string;
  backbone: Backbone;
  reader: FeatureReader;
  weightsHash: string;
}
