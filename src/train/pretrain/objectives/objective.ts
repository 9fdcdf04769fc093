/** What an objective is: a head with parameters of its own and a loss of one step. */
import type { Random } from "../../../base/random.ts";
import type { KnownColumns } from "../../../batches/image-bank.ts";
import type { SwinUnet } from "../../../models/swin-unet.ts";
import type { Module } from "../../../nn/index.ts";
import type { Tensor } from "../../../torch/index.ts";

/**
 * One step's material: views of the P galaxies of this process, and features of the B of all processes. Alone, they are
 * the same.
 */
export interface ObjectiveInput {
  model: SwinUnet;
  /** Two views of each of the P galaxies, [2 P, 3, S, S]: all first views, then all second ones. */
  views: Tensor;
  /** Which of the B galaxies the P are. */
  places: number[];
  /** Pooled features [2 B, D] of all processes' views; computed once, when first asked for. */
  features(): Tensor;
  /** The B galaxies' rows in the bank. */
  rows: number[];
  /** What is true of each of the B galaxies; null for real ones. */
  truth: (KnownColumns | null)[];
  /** What was painted into each of the P galaxies, [P, STRUCTURES] of 0 and 1; -1 in those that were left as they are. */
  painted: Float32Array;
  /** The same in all processes: what is drawn for one galaxy comes from `random.fork(place)`. */
  random: Random;
}

/** A loss of pre-training with the parameters that only it needs. */
export interface Objective extends Module {
  /** A scalar, the mean over the P or, made of `features`, over the B galaxies; and its parts for the record. */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> };
  /**
   * Linear maps [n, D] of pooled features to parameters of a galaxy that it has learned to tell, up to constants; these
   * become features too.
   */
  told?(): Tensor;
  /** What it draws, [B, 3, S, S], and of what, where it draws; for reports. */
  pictures?(step: ObjectiveInput): { title: string; images: Tensor }[];
}
