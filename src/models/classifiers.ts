/** The networks that the few-shot figure compares the LVM with, by name: images [B, 3, H, W] to logits [B, classes]. */
import type { Layer } from "../nn/index.ts";
import { AlexNet } from "./alexnet.ts";
import { ResNet } from "./resnet.ts";
import { Vgg16 } from "./vgg.ts";

/** Convolutional classifiers by name, with initial weights: images [B, 3, H, W] to logits [B, classes]. */
export const CLASSIFIERS = {
  alexnet: (classes: number): Layer => new AlexNet(classes),
  vgg16: (classes: number): Layer => new Vgg16(classes),
  resnet18: (classes: number): Layer => new ResNet(18, classes),
  resnet50: (classes: number): Layer => new ResNet(50, classes),
} as const;

/** One of the convolutional classifiers, as `--model` and cards name it. */
export type ClassifierName = keyof typeof CLASSIFIERS;
