import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { networkLogits } from "../../tasks/classify/logits.ts";
import { createClassifier, disposeClassifier } from "../../tasks/classify/network.ts";
import type { ClassModel } from "../../tasks/classify/predict.ts";
import { CLASSIFY } from "../../tasks/classify/task.ts";
import { loadHead, saveHead } from "../../tasks/heads.ts";
import {
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  rand,
  scope,
  setThreads,
  writeSafetensors,
  zeros,
} from "../../torch/index.ts";
import { DEFAULT_NETWORK, trainNetwork } from "./train-network.ts";

function loadNetwork(path: string) {
  const model = loadHead(path).model as ClassModel;
  if (!("network" in model)) throw new Error("a head on features");
  return model;
}

const folder = temporaryFolder();
afterAll(() => folder.remove());
setThreads(1);

/**
 * Eight images whose class says in which band things are brighter; a background alone would be taken away before
 * features are read.
 */
function toy() {
  manualSeed(7);
  const images = keep(
    scope(() =>
      noGrad(() => {
        const all = rand([8, 3, 64, 64]).mul(0.3);
        for (let i = 0; i < 8; i++)
          all
            .slice(0, i, i + 1)
            .slice(1, i % 2, (i % 2) + 1)
            .copy_(
              all
                .slice(0, i, i + 1)
                .slice(1, i % 2, (i % 2) + 1)
                .mul(3),
            );
        return all;
      }),
    ),
  );
  const targets = Float32Array.from({ length: 16 }, (_, at) => (at % 2 === Math.floor(at / 2) % 2 ? 1 : 0));
  return { images, targets, classes: 2 };
}
const rows = Array.from({ length: 8 }, (_, i) => i);
const options = { ...DEFAULT_NETWORK, steps: 14, batchSize: 8, learningRate: 1e-3, labelSmoothing: 0 };

describe("a network trained as a whole", () => {
  it.each([
    { name: "lvm-nano", frozen: false },
    { name: "lvm-nano", frozen: true },
  ])("$name, frozen $frozen: learns 8 images, and is the same after saving and loading", async ({ name, frozen }) => {
    const before = liveTensors();
    const data = toy();
    const classifier = createClassifier({ name, classes: 2 });
    const encoder = () => scope(() => classifier.network.backbone.stateDict()["norm.weight"].sum().item());
    const start = encoder();
    const losses = await trainNetwork(classifier, data, rows, { ...options, frozen });
    console.log(`${name}: loss ${losses[0].toFixed(3)} -> ${losses.at(-1)?.toFixed(3)}`);
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
    expect(encoder() === start).toBe(frozen);
    const path = join(folder.path, `${name}-${frozen}.safetensors`);
    const card = { model: name, column: "kind", classes: ["a", "b"], sizePx: 64, temperature: 1.5 };
    saveHead(path, CLASSIFY, { ...classifier, card });
    const loaded = loadNetwork(path);
    expect(loaded.card).toEqual(card);
    const [own, again] = [networkLogits(classifier, data.images, rows), networkLogits(loaded, data.images, rows)];
    expect(Math.max(...own.map((value, i) => Math.abs(value - again[i])))).toBeLessThan(1e-5);
    for (const one of [classifier, loaded]) disposeClassifier(one);
    data.images.dispose();
    expect(liveTensors()).toBe(before);
  });

  it("may be a convolutional network, saved and loaded, or begun with brought weights but for the last layer", () => {
    const source = createClassifier({ name: "resnet18", classes: 5 });
    const path = join(folder.path, "brought.safetensors");
    const card = { model: "resnet18", column: "kind", classes: ["a", "b", "c", "d", "e"], sizePx: 64, temperature: 1 };
    saveHead(path, CLASSIFY, { ...source, card });
    const loaded = loadNetwork(path);
    const made = createClassifier({ name: "resnet18", classes: 3, weights: path });
    const { backbone } = made.network;
    const isNew = backbone.learned().flatMap(([key]) => (backbone.isNew?.(key) === true ? [key] : []));
    expect(isNew).toEqual(["fc.weight", "fc.bias"]);
    const values = (key: string, from: typeof made) =>
      Object.fromEntries(from.network.backbone.kept())[key].toFloat32Array();
    for (const key of ["layer4.1.bn2.weight", "layer3.0.conv1.weight"])
      for (const other of [made, loaded])
        expect(
          Buffer.compare(Buffer.from(values(key, other).buffer), Buffer.from(values(key, source).buffer)),
          key,
        ).toBe(0);
    expect(values("fc.weight", loaded)).toEqual(values("fc.weight", source));
    expect(values("fc.weight", made).length).toBe(3 * 512);
    for (const one of [source, made, loaded]) disposeClassifier(one);
  });

  it("says what is wrong with weights", () => {
    expect(() => createClassifier({ name: "resnet18", classes: 2, weights: join(folder.path, "none") })).toThrow(
      /no weights of resnet18/,
    );
    const path = join(folder.path, "wrong.safetensors");
    scope(() => writeSafetensors(path, { a: zeros([2]) }));
    expect(() => createClassifier({ name: "resnet18", classes: 2, weights: path })).toThrow(/not of this model/);
    expect(() => loadNetwork(path)).toThrow(/no trained task/);
  });
});
