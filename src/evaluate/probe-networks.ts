/**
 * What networks make of a probe's examples from their pixels: trained from the beginning, or beginning from an LVM's
 * released weights.
 */
import { blocks } from "../base/blocks.ts";
import { loadBlocks } from "../batches/loader.ts";
import { softmaxRows } from "../measure/calibration.ts";
import type { Survey } from "../survey/folder.ts";
import { networkLogits } from "../tasks/classify/logits.ts";
import { createClassifier, disposeClassifier } from "../tasks/classify/network.ts";
import { keep, manualSeed, type Tensor, tensor } from "../torch/index.ts";
import { DEFAULT_NETWORK, trainNetwork } from "../train/classify/train-network.ts";
import type { Sample } from "./probe-heads.ts";

/** Side of the images: what `lvm-nano` sees, for both alike. */
const SIZE_PX = 64;
/**
 * Trained with the same settings (`DEFAULT_NETWORK`): a convolutional network from initial weights, the LVM from its
 * released ones.
 */
export const NETWORK_NAMES = ["resnet18", "lvm-nano"] as const;

/** One of the networks of a probe, as `--networks` names it. */
export type NetworkName = (typeof NETWORK_NAMES)[number];

/** The surveys' stamps, [N, 3, size, size], one survey below the other; those that cannot be read are black. */
export async function probeImages(surveys: Survey[], sizePx = SIZE_PX): Promise<Tensor> {
  const plane = 3 * sizePx * sizePx;
  const all = new Float32Array(surveys.reduce((sum, { header }) => sum + header.count, 0) * plane);
  let before = 0;
  for (const { folder, header } of surveys) {
    const ranges = blocks(header.count, 256);
    for await (const { from, pixels } of loadBlocks(folder, sizePx, ranges)) all.set(pixels, (before + from) * plane);
    before += header.count;
  }
  return keep(tensor(all, [before, 3, sizePx, sizePx]));
}

/**
 * Probabilities of the asked rows for each class, [rows, classes], by a network that learned `steps` batches of the
 * examples. Throws WEIGHTS_MISSING.
 */
export async function networkScores(
  name: NetworkName,
  images: Tensor,
  examples: Sample[],
  rows: number[],
  classes: number,
  seed: number,
  steps: number,
): Promise<Float32Array> {
  manualSeed(seed);
  const network = createClassifier({ name, classes });
  try {
    const targets = new Float32Array(images.shape[0] * classes);
    for (const { row, label } of examples) targets[row * classes + label] = 1;
    const options = { ...DEFAULT_NETWORK, steps, seed };
    await trainNetwork(
      network,
      { images, targets, classes },
      examples.map(({ row }) => row),
      options,
    );
    return softmaxRows(networkLogits(network, images, rows), classes);
  } finally {
    disposeClassifier(network);
  }
}
