/** A backbone's four maps brought to one width, each with what the coarser ones saw (Lin et al. 2017). */
import { Conv2d, LayerNorm, Module, Sequential } from "../../nn/index.ts";
import { noGrad, op, opInPlace, type Tensor } from "../../torch/index.ts";
import type { Backbone } from "../backbone.ts";
import { SwinUnet } from "../swin-unet.ts";

/** A convolution in a sequence of its own, as torchvision names it, with weights from He's uniform distribution. */
function convolution(inputs: number, outputs: number, kernel: number): Sequential {
  const layer = new Conv2d(inputs, outputs, kernel, { padding: (kernel - 1) / 2 });
  const bound = Math.sqrt(3 / (inputs * kernel * kernel));
  noGrad(() => {
    opInPlace("uniform_", layer.weight, -bound, bound);
    opInPlace("zero_", layer.bias as Tensor);
  });
  return new Sequential(layer);
}

/** Maps [B, C_i, H_i, W_i], finest first, to maps of one width, and one coarser than all of them. */
class FeaturePyramid extends Module {
  readonly inner_blocks: Sequential[];
  readonly layer_blocks: Sequential[];

  constructor(channels: readonly number[], width: number) {
    super();
    this.inner_blocks = channels.map((inputs) => convolution(inputs, width, 1));
    this.layer_blocks = channels.map(() => convolution(width, width, 3));
  }

  forward(maps: Tensor[]): Tensor[] {
    const out: Tensor[] = [];
    let above: Tensor | null = null;
    for (let level = maps.length - 1; level >= 0; level--) {
      let map = this.inner_blocks[level].forward(maps[level]);
      if (above !== null) map = map.add(op("upsample_nearest2d", above, map.shape.slice(2), null, null));
      out.unshift(this.layer_blocks[level].forward(map));
      above = map;
    }
    out.push(op("max_pool2d", out[out.length - 1], [1, 1], [2, 2], [0, 0], [1, 1], false));
    return out;
  }
}

/** Backbone and pyramid. A transformer's maps are normalised over their channels first: nothing else does that. */
export class Pyramid extends Module {
  readonly body: Backbone;
  readonly norms: LayerNorm[];
  readonly fpn: FeaturePyramid;

  constructor(body: Backbone, width: number) {
    super();
    this.body = body;
    this.norms = body instanceof SwinUnet ? body.channels.map((channels) => new LayerNorm(channels)) : [];
    this.fpn = new FeaturePyramid(body.channels, width);
  }

  /** Images [B, 3, H, W] in [0, 1], sides multiples of 32, to maps [B, width, ...] of strides 4, 8, 16, 32 and 64. */
  forward(images: Tensor): Tensor[] {
    const maps = this.body.maps(images);
    return this.fpn.forward(
      this.norms.length === 0
        ? maps
        : maps.map((map, i) =>
            this.norms[i]
              .forward(map.permute(0, 2, 3, 1))
              .permute(0, 3, 1, 2)
              .contiguous(),
          ),
    );
  }
}
