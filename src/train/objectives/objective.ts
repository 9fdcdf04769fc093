/** What an objective is: a head with parameters of its own and a loss of one step. */
import type { Random } from "../../base/random.ts";
import type { Truth } from "../../batches/image-bank.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import type { Module } from "../../nn/index.ts";
import type { Tensor } from "../../torch/index.ts";

/** One step's material. */
export interface Step {
  model: SwinUnet;
  /** Two views of each of B galaxies, [2 B, 3, S, S]: all first views, then all second ones. */
  views: Tensor;
  /** Pooled features [2 B, D] of the views; computed once, when first asked for. */
  features(): Tensor;
  /** What is true of each of the B galaxies; null for real ones. */
  truth: (Truth | null)[];
  random: Random;
}

export interface Objective extends Module {
  /** A scalar, and its parts for the record. */
  loss(step: Step): { loss: Tensor; parts: Record<string, number> };
  /** What it draws, [B, 3, S, S], and of what, where it draws; for reports. */
  pictures?(step: Step): { title: string; images: Tensor }[];
}
