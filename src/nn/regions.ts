/** Regions of feature maps, for detectors: RoIAlign and non-maximum suppression (native/operators/regions.cc). */
import { fused, op, type Tensor, tensor, where, zeros } from "../torch/index.ts";

/** How boxes are read from a map. */
export interface RegionOptions {
  /** Map pixels per unit of the boxes, 1 / stride. */
  scale: number;
  /** Bins of a box, down and across. */
  bins: [number, number];
  /** Sample points along each side of a bin; 0: as many as it has pixels. */
  samples: number;
  /** Whether a pixel's middle lies half a pixel from its corner (as Detectron2 has it), or is where its corner is. */
  aligned: boolean;
}

/**
 * The values of boxes by RoIAlign (He et al. 2017, "Mask R-CNN", section 3), as torchvision has it: maps [B, C, H, W]
 * and boxes [K, 5] (image, x1, y1, x2, y2) -> [K, C, *bins]. Gradients go to the maps. Throws TORCH for boxes that are
 * not finite or of no image.
 */
export function roiAlign(features: Tensor, boxes: Tensor, options: RegionOptions): Tensor {
  const { scale, bins, samples, aligned } = options;
  const { device } = features;
  const whole = (map: Tensor, of: Tensor): Tensor =>
    op("skyloop::roi_align", map, of, scale, ...bins, samples, aligned);
  return fused(
    "skyloop::roi_align",
    features,
    () => whole(features, boxes),
    () =>
      samples > 0
        ? composedRoiAlign(features, boxes, options)
        : whole(features.toDevice("cpu"), boxes.toDevice("cpu")).toDevice(device),
  );
}

/**
 * The same by `grid_sampler`, for other devices; needs a fixed number of samples. `roiAlign` is tested against it.
 */
export function composedRoiAlign(features: Tensor, boxes: Tensor, options: RegionOptions): Tensor {
  const { scale, bins, samples, aligned } = options;
  if (samples < 1) throw new RangeError("composedRoiAlign takes a fixed number of samples");
  const [, C, H, W] = features.shape;
  const K = boxes.shape[0];
  const [down, across] = [bins[0] * samples, bins[1] * samples];
  if (K === 0) return zeros([0, C, ...bins]).toDevice(features.device);
  const column = (i: number) => boxes.slice(1, i, i + 1).mul(scale);
  const offset = aligned ? 0.5 : 0;
  // Sample points [K, points] along one axis, and which of them count.
  const along = (first: Tensor, last: Tensor, points: number, size: number) => {
    const length = aligned ? last.sub(first) : last.sub(first).clamp(1, null);
    const steps = Float32Array.from({ length: points }, (_, i) => (i + 0.5) / points);
    const at = first.sub(offset).add(length.mul(tensor(steps, [1, points]).toDevice(features.device)));
    const counts = where(at.lt(-1), at.mul(0), where(at.gt(size), at.mul(0), at.mul(0).add(1)));
    // From pixels' middles to [-1, 1]; beyond the border is the border.
    return {
      place: at
        .clamp(0, size - 1)
        .mul(2 / Math.max(1, size - 1))
        .sub(1),
      counts,
    };
  };
  const x = along(column(1), column(3), across, W);
  const y = along(column(2), column(4), down, H);
  const grid = op(
    "stack",
    [x.place.view(K, 1, across).expand(K, down, across), y.place.view(K, down, 1).expand(K, down, across)],
    -1,
  );
  const maps = features.indexSelect(0, boxes.select(1, 0).to("int64"));
  const BILINEAR = 0;
  const BORDER = 1;
  const values = op("grid_sampler", maps, grid, BILINEAR, BORDER, true);
  const counted = values.mul(x.counts.view(K, 1, 1, across)).mul(y.counts.view(K, 1, down, 1));
  return op("avg_pool2d", counted, [samples, samples]);
}

/**
 * Greedy non-maximum suppression: boxes [K, 4] (x1, y1, x2, y2) and scores [K] -> the numbers of the boxes that stay,
 * best first, int64: each that no better one overlaps by more than `threshold` (intersection over union). Equal scores
 * keep their order. Throws TORCH for scores that are no numbers.
 */
export function nms(boxes: Tensor, scores: Tensor, threshold: number): Tensor {
  const device = boxes.device;
  return op("skyloop::nms", boxes.toDevice("cpu"), scores.toDevice("cpu"), threshold).toDevice(device);
}
