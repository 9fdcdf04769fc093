/** The restoring and reconstructing heads that a server was started with, and what they make of an object. */
import { basename, dirname } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import type { ImageHead } from "../contract/predictions.ts";
import { neighbourMask } from "../stamps/neighbours.ts";
import { colourBands, renderRgb8 } from "../stamps/render.ts";
import type { Stamp } from "../survey/folder.ts";
import { applyImageModel, type ImageCard, type ImageModel } from "../tasks/image-model.ts";
import { readSafetensors } from "../torch/safetensors.ts";

export interface KnownHead extends ImageHead {
  path: string;
}

/**
 * What the files are, from their notes alone; a head is called after its file, or after its folder where the file is
 * `head` or `model`. Throws BAD_HEAD, FILE_UNREADABLE, SAME_NAME.
 */
export function describeHeads(paths: string[]): KnownHead[] {
  const heads = paths.map((path): KnownHead => {
    const { metadata } = readSafetensors(path, () => false);
    if (metadata.card === undefined || (metadata.task !== "restore" && metadata.task !== "reconstruct"))
      throw new SkyloopError(
        "BAD_HEAD",
        `${path} holds no restoration or reconstruction; give the file that \`skyloop train restore\` or \`reconstruct\` wrote`,
      );
    const file = basename(path).replace(/\.safetensors$/, "");
    const { model, seeingKnown = false } = JSON.parse(metadata.card) as Pick<ImageCard, "model" | "seeingKnown">;
    if (seeingKnown)
      throw new SkyloopError(
        "BAD_HEAD",
        `${path} restores by the width of the point spread, which the page does not know; use it with \`skyloop predict restore --fwhm\`, or train one without --known-seeing`,
      );
    return {
      name: ["head", "model"].includes(file) ? basename(dirname(path)) : file,
      task: metadata.task,
      model,
      path,
    };
  });
  const twice = heads.find(({ name }, i) => heads.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined)
    throw new SkyloopError("SAME_NAME", `two heads are called ${twice.name}; rename one of the files`);
  return heads;
}

/**
 * A stamp restored, or with the neighbours of its galaxy filled in, as 8-bit colour [H, W, 3]. Throws BAD_MASK where
 * there is no neighbour.
 */
export function improvedRgb8(model: ImageModel, stamp: Stamp): Uint8Array {
  const { widthPx, heightPx, data, bands, kind } = stamp;
  const N = widthPx * heightPx;
  const group = kind === "flux" ? colourBands(bands) : ([0, 1, 2] as const);
  const planes = new Float32Array(3 * N);
  for (const [c, band] of group.entries()) planes.set(data.subarray(band * N, (band + 1) * N), c * N);
  let mask: Uint8Array | null = null;
  if (model.card.task === "reconstruct") {
    mask = neighbourMask(data, { bands: data.length / N, widthPx, heightPx });
    if (mask.every((value) => value === 0))
      throw new SkyloopError("BAD_MASK", "no neighbour of the central galaxy stands out: there is nothing to fill in");
  }
  const improved = applyImageModel(model, { widthPx, heightPx, kind, data: planes }, { mask });
  const out = data.slice();
  for (const [c, band] of group.entries()) out.set(improved.subarray(c * N, (c + 1) * N), band * N);
  return renderRgb8({ ...stamp, data: out });
}
