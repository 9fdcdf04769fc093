import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toyEncoder } from "../../test/fixtures/encoders.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { manualSeed, noGrad, ones, randn, scope, writeSafetensors } from "../torch/index.ts";
import { type Backbone, STRIDES } from "./backbone.ts";
import { loadBackbone } from "./index.ts";
import { learnedBackbone } from "./mask-rcnn/backbones.ts";
import { ResNet } from "./resnet.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const backbones: Record<string, Backbone> = {};
beforeAll(() => {
  manualSeed(1);
  Object.assign(backbones, {
    swin: toyEncoder({ depths: [1, 1, 2, 1] }).eval(),
    resnet18: new ResNet(18, 2).eval(),
    resnet50: new ResNet(50, 2).eval(),
  });
});
afterAll(() => {
  for (const backbone of Object.values(backbones)) backbone.dispose();
});

describe("a backbone", () => {
  it.each(["swin", "resnet18", "resnet50"])("%s gives features and four maps of its channels and strides", (name) => {
    const backbone = backbones[name];
    noGrad(() =>
      scope(() => {
        const images = randn([2, 3, 64, 96]);
        const maps = backbone.maps(images);
        expect(maps.map(({ shape }) => shape)).toEqual(
          STRIDES.map((stride, i) => [2, backbone.channels[i], 64 / stride, 96 / stride]),
        );
        for (const map of maps) expect(map.toFloat32Array().every(Number.isFinite)).toBe(true);
        expect(backbone.features(images).shape).toEqual([2, backbone.featureDim]);
        expect(() => backbone.maps(randn([1, 3, 40, 64]))).toThrow(/multiples of 32/);
      }),
    );
  });

  it("has a Swin stage's output as map, before it is merged: the last one normalised gives encode's features", () => {
    const swin = backbones.swin as ReturnType<typeof toyEncoder>;
    noGrad(() =>
      scope(() => {
        const images = randn([1, 3, 64, 64]);
        const [, , , last] = swin.maps(images);
        const { features, height, width } = swin.encode(images);
        const tokens = last
          .permute(0, 2, 3, 1)
          .contiguous()
          .view(1, height * width, swin.featureDim);
        expect(swin.norm.forward(tokens).toFloat32Array()).toEqual(features.toFloat32Array());
        const [first] = swin.maps(images);
        expect(swin.channels).toEqual([8, 16, 32, 64]);
        // Merging the first output gives what the second stage is given.
        const { skips } = swin.encode(images);
        const own = first.permute(0, 2, 3, 1).contiguous().view(1, 256, 8);
        const merged = swin.layers[0].downsample?.forward(own, 16, 16);
        expect(merged?.toFloat32Array()).toEqual(skips[1].toFloat32Array());
      }),
    );
  });

  it("takes the weights of torchvision's ResNets, whose last layer knows 1,000 classes, and no other file", async () => {
    const path = join(folder.path, "imagenet.safetensors");
    const state = Object.entries(backbones.resnet18.stateDict()).filter(([name]) => !name.endsWith("_tracked"));
    scope(() =>
      writeSafetensors(path, { ...Object.fromEntries(state), "fc.weight": ones([1000, 512]), "fc.bias": ones([1000]) }),
    );
    const source = await loadBackbone("resnet18", path);
    const { body } = await learnedBackbone("resnet18", { weights: path, scratch: false, windowsPx: 256 });
    const loaded = [source.load().backbone, (body as ResNet).eval()];
    noGrad(() =>
      scope(() => {
        const images = randn([1, 3, 64, 64]);
        const wanted = backbones.resnet18.features(images).toFloat32Array();
        for (const backbone of loaded) expect(backbone.features(images).toFloat32Array()).toEqual(wanted);
      }),
    );
    for (const backbone of loaded) backbone.dispose();
    const other = join(folder.path, "other.safetensors");
    scope(() => writeSafetensors(other, { "features.0.weight": ones([64, 3, 3, 3]) }));
    const wrong = await loadBackbone("resnet18", other);
    expect(() => wrong.load()).toThrow(/missing: /);
  });
});
