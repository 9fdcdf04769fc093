/** Every objective by name; a recipe gives the ones it wants a weight. */
import { type Pooling, pooledDim } from "../../../models/feature-pooling.ts";
import type { SwinUnet } from "../../../models/swin-unet.ts";
import type { CatalogueShares } from "../catalogue.ts";
import { Autoencode } from "./autoencode.ts";
import { CatalogueHead } from "./catalogue.ts";
import { MaskedHead } from "./masked.ts";
import type { Objective } from "./objective.ts";
import { SimulatedHead } from "./simulated.ts";
import { StructuresHead } from "./structures.ts";
import { DEFAULT_VICREG, VicregHead } from "./vicreg.ts";

export type { Objective, ObjectiveInput } from "./objective.ts";

/** A catalogue that says nothing. */
const NOTHING: CatalogueShares = { names: [], share: new Float32Array(), weight: new Float32Array() };

/** What an encoder can be pre-trained for, by name: each makes the head that its loss needs. */
export const OBJECTIVES = {
  autoencode: () => new Autoencode(),
  masked: (model: SwinUnet) =>
    new MaskedHead(model.featureDim, model.config.patchSize * 2 ** (model.config.depths.length - 1)),
  vicreg: (model: SwinUnet, pooling: Pooling) => new VicregHead(pooledDim(model, pooling), DEFAULT_VICREG),
  simulated: (model: SwinUnet, pooling: Pooling) => new SimulatedHead(pooledDim(model, pooling)),
  structures: (model: SwinUnet, pooling: Pooling) => new StructuresHead(pooledDim(model, pooling)),
  catalogue: (model: SwinUnet, pooling: Pooling, told: CatalogueShares = NOTHING) =>
    new CatalogueHead(pooledDim(model, pooling), told),
} as const satisfies Record<string, (model: SwinUnet, pooling: Pooling, told?: CatalogueShares) => Objective>;

/** One of the pre-training losses, as recipes name it. */
export type ObjectiveName = keyof typeof OBJECTIVES;
