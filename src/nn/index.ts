export {
  composedFeedforward,
  composedLinear,
  convolvePieces,
  denseLinear,
  type FusedLayers,
  fusedFeedforward,
  fusedLinear,
} from "./fused.ts";
export { constant, truncatedNormal, uniform } from "./init.ts";
export {
  BATCH_NORM_EPS,
  BatchNorm,
  Conv2d,
  Dropout,
  dropPath,
  dropRowsOf,
  Gelu,
  LayerNorm,
  Linear,
  PixelShuffle,
  PRelu,
  Relu,
  UpsampleBilinear,
} from "./layers.ts";
export { Layer, Module, Sequential } from "./module.ts";
export { composedRoiAlign, nms, type RegionOptions, roiAlign } from "./regions.ts";
export { WindowAttention } from "./window-attention.ts";
export {
  type Grid,
  joinWindows,
  paddedSize,
  padMap,
  relativePositions,
  splitWindows,
  WindowMasks,
  windowMask,
} from "./windows.ts";
