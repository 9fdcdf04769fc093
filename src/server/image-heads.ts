/** The restoring and reconstructing heads that a server was started with, and what they make of an object. */
import { basename, dirname } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import type { ImageHead } from "../contract/predictions.ts";
import type { ImageCard } from "../tasks/images/model.ts";
import { readSafetensors } from "../torch/safetensors.ts";

/** A head that improves pictures, with its file. */
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
