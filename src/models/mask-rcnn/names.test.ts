import { describe, expect, it } from "vitest";
import { ones, scope, zeros } from "../../torch/index.ts";
import { presentName, presentState } from "./names.ts";

describe("names of torchvision's detectors", () => {
  it.each([
    ["backbone.fpn.inner_blocks.3.weight", "backbone.fpn.inner_blocks.3.0.weight"],
    ["backbone.fpn.layer_blocks.0.bias", "backbone.fpn.layer_blocks.0.0.bias"],
    ["rpn.head.conv.weight", "rpn.head.conv.0.0.weight"],
    ["roi_heads.mask_head.mask_fcn1.weight", "roi_heads.mask_head.0.0.weight"],
    ["roi_heads.mask_head.mask_fcn4.bias", "roi_heads.mask_head.3.0.bias"],
  ])("of before 0.13 are those of now: %s", (old, now) => {
    expect(presentName(old)).toBe(now);
    expect(presentName(now)).toBe(now);
  });

  it("of other tensors stay, and counts that frozen normalisations lack are taken from the network", () => {
    expect(presentName("backbone.body.conv1.weight")).toBe("backbone.body.conv1.weight");
    scope(() => {
      const own = { "backbone.body.bn1.num_batches_tracked": zeros([], "int64"), "rpn.head.conv.0.0.bias": ones([2]) };
      const found = presentState({ "rpn.head.conv.bias": zeros([2]) }, own);
      expect(Object.keys(found).sort()).toEqual(Object.keys(own));
      expect(found["rpn.head.conv.0.0.bias"].toFloat32Array()).toEqual(new Float32Array(2));
    });
  });
});
