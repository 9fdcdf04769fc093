/** What a task needs of a network that looks at images: features, maps of four scales, and what a decoder stands on. */
import type { Module } from "../nn/index.ts";
import type { Parameter, Tensor } from "../torch/index.ts";

/** Pixels of the image along the side of one place of each map that `Backbone.maps` returns, finest first. */
export const STRIDES = [4, 8, 16, 32] as const;

/**
 * What a backbone may give: `features`, one row an image; `maps` of four scales; `skips`, the inputs of its stages and
 * its last tokens, on which a decoder stands. A task names what it needs.
 */
export type Capability = "features" | "maps" | "skips";

/** A network that turns images [B, 3, H, W] in [0, 1], H and W multiples of 32, into features and maps. */
export interface Backbone extends Module {
  /** What it gives; to ask it for anything else is a fault of the program. */
  readonly gives: readonly Capability[];
  /** Channels C_i of the four maps. */
  readonly channels: readonly number[];
  /** Width of the features. */
  readonly featureDim: number;
  /** Side in px of the images that it is made for. */
  readonly imageSize: number;
  /** Images to features [B, featureDim]: the last map averaged. Throws BAD_IMAGE_SIZE. */
  features(images: Tensor): Tensor;
  /** Images to four maps [B, C_i, H / s_i, W / s_i], s = STRIDES. Throws BAD_IMAGE_SIZE. */
  maps(images: Tensor): Tensor[];
  /** The parameters that features and maps follow from, by name. */
  learned(): [string, Parameter][];
  /** The tensors that are kept with a trained head, by name; a decoder or last layer of the network is none of them. */
  kept(): [string, Tensor][];
  /** Whether a parameter holds no knowledge yet, and learns as fast as a new head. Absent: none does. */
  isNew?(name: string): boolean;
}

/**
 * What an encoder finds: the features [B, tokens, 8 C], and the inputs of the stages for a decoder, coarsest last.
 */
export interface Encoded {
  features: Tensor;
  skips: Tensor[];
  /** What each stage's blocks made, before neighbours are joined for the next stage. */
  outputs: Tensor[];
  height: number;
  width: number;
}

/** An encoder that a decoder can be put on: it shows the inputs of its stages beside the last tokens. */
export interface SkipBackbone extends Backbone {
  /** Images to last tokens and inputs of the stages, whose widths are `channels`. Throws BAD_IMAGE_SIZE. */
  encode(images: Tensor): Encoded;
}
