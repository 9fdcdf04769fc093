import type { Backbone, Capability } from "../../models/backbone.ts";
import { Module } from "../../nn/index.ts";
import type { Parameter, Tensor } from "../../torch/index.ts";

/** A network that gives features only. */
export abstract class FeatureNetwork extends Module implements Backbone {
  readonly gives: readonly Capability[] = ["features"];
  readonly channels: readonly number[] = [];
  abstract readonly featureDim: number;
  abstract readonly imageSize: number;
  abstract features(inputs: Tensor): Tensor;
  maps(): never {
    throw new Error("this network gives features only");
  }
  abstract learned(): [string, Parameter][];
  abstract kept(): [string, Tensor][];
}
