/** Features of a picture that is no object of a survey, to look for objects like it. */
import { messageOf, SkyloopError } from "../base/errors.ts";
import { loadModel, releasedWeights } from "../models/index.ts";
import { modelInput } from "../stamps/model-input.ts";
import { decodePicture, type Survey } from "../survey/folder.ts";
import { rawPicture } from "../survey/picture-pixels.ts";
import { noGrad, scope, tensor } from "../torch/index.ts";

/**
 * Features [dim] of a JPEG, PNG or WebP file, cropped as the survey's stamps are. Throws IMAGE_BROKEN, WEIGHTS_MISSING,
 * and OTHER_WEIGHTS where the weights that made the survey's features are not here.
 */
export async function pictureFeatures(
  survey: Pick<Survey, "header">,
  bytes: Uint8Array,
  modelName: string,
  featuresHash: string,
): Promise<Float32Array> {
  let stamp: Parameters<typeof modelInput>[0];
  try {
    const { widthPx, heightPx } = await rawPicture(bytes);
    const data = await decodePicture(bytes);
    const kind = "colour" as const;
    stamp = { id: "", index: -1, kind, bands: ["red", "green", "blue"], unit: "", widthPx, heightPx, data };
  } catch (cause) {
    throw new SkyloopError(
      "IMAGE_BROKEN",
      `the picture cannot be decoded: ${messageOf(cause)}; give a whole JPEG, PNG or WebP file`,
      { cause },
    );
  }
  const { model, reader, weightsHash } = await loadModel(modelName, releasedWeights(modelName));
  try {
    if (weightsHash !== featuresHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `the features of ${modelName} are of other weights than those released; embed again to compare a picture`,
      );
    const { sizePx, dim } = reader;
    const pixels = modelInput(stamp, { sizePx, adaptiveCrop: survey.header.adaptiveCrop });
    const out = new Float32Array(dim);
    noGrad(() => scope(() => reader.of(tensor(pixels, [1, 3, sizePx, sizePx])).copyTo(out)));
    return out;
  } finally {
    reader.dispose();
    model.dispose();
  }
}
