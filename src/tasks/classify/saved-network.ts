/** Trained networks as they go to disk and come back. */
import { projectionIn } from "../../models/feature-projection.ts";
import { featuresOf, readingOf } from "../../models/feature-reader.ts";
import { createModel } from "../../models/index.ts";
import type { Tensor } from "../../torch/index.ts";
import { skyloopVersion } from "../card.ts";
import type { HeadCard, Packed } from "../task.ts";
import { isConvnet, NoHead, savedConvnet } from "./convnet.ts";
import type { SplitBy } from "./data.ts";
import { ClassifyHead } from "./head.ts";
import type { Classifier } from "./network.ts";

/** What a saved network needs beside its weights. */
export interface NetworkCard {
  model: string;
  column: string;
  classes: string[];
  sizePx: number;
  temperature: number;
  /** How the objects of its training were split; absent in files of older versions. */
  splitBy?: SplitBy | null;
}

/** What is packed of a trained network. The decoder of an LVM, which took no part, is left out. */
export function packNetwork(
  { network: { backbone, reader }, head }: Classifier,
  { model, ...details }: NetworkCard,
  about: Partial<Pick<Packed, "trainedOn" | "made">> = {},
): Packed<Omit<NetworkCard, "model">> {
  const under = (part: string, tensors: Iterable<[string, Tensor]>) =>
    [...tensors].map(([name, value]): [string, Tensor] => [`${part}.${name}`, value]);
  const state = isConvnet(model)
    ? backbone.kept()
    : [...under("encoder", backbone.kept()), ...under("head", head.namedTensors())];
  return {
    backbone: { name: model, weightsHash: null },
    trainedOn: { dataHash: null },
    made: { skyloop: skyloopVersion(), seed: null, steps: null },
    ...about,
    details,
    tensors: { ...Object.fromEntries(state), ...reader.tensors },
    notes: reader.notes,
  };
}

/** Whether a card is of a network that reads pixels, and not of a head on features. */
export function isNetworkCard({ details }: HeadCard): boolean {
  return !("dim" in details);
}

/** A network from its card, tensors and notes, in evaluation mode. */
export function openNetwork(
  { backbone: { name: model }, details }: HeadCard,
  tensors: Record<string, Tensor>,
  notes: Record<string, string>,
): Classifier & { card: NetworkCard } {
  const card = { ...details, model } as NetworkCard;
  const K = card.classes.length;
  if (isConvnet(model)) return { network: savedConvnet(model, K, tensors), head: new NoHead().eval(), card };
  const under = (part: string) =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([key, value]) =>
        key.startsWith(`${part}.`) ? [[key.slice(part.length + 1), value]] : [],
      ),
    );
  const backbone = createModel(model);
  backbone.loadStateDict(under("encoder"), { partial: true });
  const reader = featuresOf(backbone.eval(), readingOf(backbone, notes, projectionIn(tensors)));
  const head = new ClassifyHead(reader.dim, K);
  head.loadStateDict(under("head"));
  return { network: { name: model, backbone, reader, weightsHash: "none" }, head: head.eval(), card };
}
