/** The paper's pre-training (section 3): the whole U-Net gives its input back; mean squared error. */
import { Module } from "../../../nn/index.ts";
import { mseLoss, type Tensor } from "../../../torch/index.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";

/** The paper's objective: mean squared error of the U-Net's output from its input. */
export class Autoencode extends Module implements Objective {
  /** Of the first view of each galaxy. */
  loss({ model, views, places }: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const images = views.slice(0, 0, places.length);
    const loss = mseLoss(model.forward(images), images);
    return { loss, parts: { squaredError: loss.item() } };
  }
  pictures({ model, views, places }: ObjectiveInput) {
    return [
      { title: "The first views, drawn by the whole network", images: model.forward(views.slice(0, 0, places.length)) },
    ];
  }
}
