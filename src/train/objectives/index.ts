/** Every objective by name; a recipe gives the ones it wants a weight. */
import { type Pooling, pooledDim } from "../../models/feature-pooling.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import { Autoencode } from "./autoencode.ts";
import { MaskedHead } from "./masked.ts";
import type { Objective } from "./objective.ts";
import { SimulatedHead } from "./simulated.ts";
import { DEFAULT_VICREG, VicregHead } from "./vicreg.ts";

export type { Objective, Step } from "./objective.ts";

export const OBJECTIVES = {
  autoencode: () => new Autoencode(),
  masked: (model: SwinUnet) =>
    new MaskedHead(model.featureDim, model.config.patchSize * 2 ** (model.config.depths.length - 1)),
  vicreg: (model: SwinUnet, pooling: Pooling) => new VicregHead(pooledDim(model, pooling), DEFAULT_VICREG),
  simulated: (model: SwinUnet, pooling: Pooling) => new SimulatedHead(pooledDim(model, pooling)),
} as const satisfies Record<string, (model: SwinUnet, pooling: Pooling) => Objective>;
export type ObjectiveName = keyof typeof OBJECTIVES;
