/** Backbones of detectors by name, and for which image they cut their windows. */
import { SkyloopError } from "../../base/errors.ts";
import { scope } from "../../torch/index.ts";
import type { Backbone } from "../backbone.ts";
import { growFrom } from "../grow.ts";
import { createModel, loadBackbone, MODELS } from "../index.ts";
import { ResNet } from "../resnet.ts";
import { SwinUnet } from "../swin-unet.ts";

/** Names that `--backbone` takes. */
const DETECTOR_BACKBONES = [...Object.keys(MODELS), "resnet18", "resnet50"];

/**
 * A new backbone. A vision transformer cuts its windows for images of `windowsPx` a side: it then has windows of full
 * size and shifts them in every stage but the last, where one made for single galaxies would look at places of 64 px
 * that know nothing of each other. Throws UNKNOWN_MODEL.
 */
export function newBackbone(name: string, windowsPx: number): Backbone {
  if (name === "resnet18") return new ResNet(18, 1);
  if (name === "resnet50") return new ResNet(50, 1);
  if (!DETECTOR_BACKBONES.includes(name))
    throw new SkyloopError("UNKNOWN_MODEL", `no backbone ${name}; there are ${DETECTOR_BACKBONES.join(", ")}`);
  const model = createModel(name);
  if (windowsPx <= model.imageSize) return model;
  const { config } = model;
  model.dispose();
  return new SwinUnet({ ...config, imageSize: windowsPx });
}

/**
 * A backbone that knows what pre-training taught it: the released weights, or those in a file, or none (`scratch`). A
 * ResNet has none of ours. Returns the hash of the weights. Throws UNKNOWN_MODEL, WEIGHTS_MISSING, STATE_MISMATCH.
 */
export async function learnedBackbone(
  name: string,
  { weights, scratch, windowsPx }: { weights?: string; scratch: boolean; windowsPx: number },
): Promise<{ body: Backbone; weightsHash: string }> {
  const body = newBackbone(name, windowsPx);
  const fresh = scratch || (body instanceof ResNet && weights === undefined);
  if (fresh) return { body, weightsHash: "none" };
  const { load } = await loadBackbone(name, weights);
  const { backbone, weightsHash } = load();
  if (body instanceof SwinUnet && body.config.imageSize > backbone.imageSize) growFrom(body, backbone as SwinUnet);
  else scope(() => body.loadStateDict(Object.fromEntries(backbone.kept()), { partial: true }));
  backbone.dispose();
  return { body, weightsHash };
}
