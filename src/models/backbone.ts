/** What a task needs of a network that looks at images: features, and maps of four scales. */
import type { Module } from "../nn/index.ts";
import type { Parameter, Tensor } from "../torch/index.ts";

/** Pixels of the image along the side of one place of each map that `Backbone.maps` returns, finest first. */
export const STRIDES = [4, 8, 16, 32] as const;

/** A network that turns images [B, 3, H, W] in [0, 1], H and W multiples of 32, into features and maps. */
export interface Backbone extends Module {
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
}
