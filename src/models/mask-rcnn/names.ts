/** Names of torchvision's detectors: what files of before its version 0.13 called the same tensors. */
import type { Tensor } from "../../torch/index.ts";

const RENAMED: readonly [old: RegExp, now: string][] = [
  [/^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$/, "$1.0.$2"],
  [/^(rpn\.head\.conv)\.(weight|bias)$/, "$1.0.0.$2"],
];
const OLD_MASK = /^roi_heads\.mask_head\.mask_fcn(\d+)\.(weight|bias)$/;

/** What torchvision calls a tensor today, given what it calls or called it. */
export function presentName(name: string): string {
  const mask = OLD_MASK.exec(name);
  if (mask !== null) return `roi_heads.mask_head.${Number(mask[1]) - 1}.0.${mask[2]}`;
  for (const [old, now] of RENAMED) if (old.test(name)) return name.replace(old, now);
  return name;
}

/** The last layers: their shapes follow from the number of classes. */
export function isPredictor(name: string): boolean {
  return /^roi_heads\.(box_predictor\.|mask_predictor\.mask_fcn_logits\.)/.test(name);
}

/**
 * A state by its present names, without torchvision's last layer of the backbone, and with the counts of batches that
 * frozen normalisations do not have taken from `own`.
 */
export function presentState(state: Record<string, Tensor>, own: Record<string, Tensor>): Record<string, Tensor> {
  const named = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [presentName(name), tensor]));
  for (const [name, tensor] of Object.entries(own))
    if (name.endsWith(".num_batches_tracked") && !(name in named)) named[name] = tensor;
  return named;
}
