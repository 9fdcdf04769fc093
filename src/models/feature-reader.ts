/** Feature extraction with a frozen encoder: preparing images, test-time augmentation, pooling and projection. */
import { cat, type Tensor } from "../torch/index.ts";
import type { Backbone } from "./backbone.ts";
import { ELLIPSE_PATTERN_DIM, ellipsePatterns } from "./ellipse-patterns.ts";
import { commonRange, POOLINGS, type Pooling, pooled, pooledDim } from "./feature-pooling.ts";
import {
  type Projection,
  project,
  projectionState,
  turnedViews,
  VIEWS,
  type Views,
  viewCount,
} from "./feature-projection.ts";
import { ringPatternDim } from "./ring-pooling.ts";
import type { SwinUnet } from "./swin-unet.ts";

/** As in the weights' training, so weights carry it with them. */
export interface FeatureReading {
  /** Side of the images. */
  sizePx: number;
  pooling: Pooling;
  /**
   * Whether images are brought to a common range first; "both": features of the images as they are and of those in a
   * common range stand side by side.
   */
  commonRange: boolean | "both";
  /** Whether patterns in rings stand beside the pooled numbers (`ring-pooling.ts`), after them in a row. */
  rings: boolean;
  /** Whether patterns of the light itself stand beside all those (`ellipse-patterns.ts`), last in a row. */
  ellipses: boolean;
  /** In which ways an image is shown; the features are the mean over them. */
  views: Views;
  /** Brings pooled features to fewer numbers; null: they are kept as they are. */
  projection: Projection | null;
}

/**
 * The reading that weights were trained for, from their file's notes; without notes the paper's: the configured size,
 * the last stage averaged.
 */
export function readingOf(
  model: SwinUnet,
  notes: Record<string, string>,
  projection: Projection | null = null,
): FeatureReading {
  return {
    sizePx: notes.sizePx === undefined ? model.config.imageSize : Number(notes.sizePx),
    pooling: POOLINGS.find((pooling) => pooling === notes.pooling) ?? "last",
    commonRange: notes.commonRange === "both" ? "both" : notes.commonRange === "true",
    rings: notes.rings === "true",
    ellipses: notes.ellipses === "true",
    views: VIEWS.find((views) => String(views) === notes.views) ?? 1,
    projection,
  };
}

/** The notes from which `readingOf` makes the same reading again. */
export function notesOf({
  sizePx,
  pooling,
  commonRange,
  rings,
  ellipses,
  views,
}: Omit<FeatureReading, "projection">): Record<string, string> {
  return {
    sizePx: String(sizePx),
    pooling,
    commonRange: String(commonRange),
    views: String(views),
    ...(rings ? { rings: "true" } : {}),
    ...(ellipses ? { ellipses: "true" } : {}),
  };
}

/**
 * How a model's features are read: their number, the side of its images, and images [B, 3, H, W] in [0, 1] to [B, dim].
 */
export interface FeatureReader {
  dim: number;
  sizePx: number;
  of(images: Tensor): Tensor;
  /** The same of the images as they stand, in one way: for training on views that are turned already. */
  once(images: Tensor): Tensor;
  /** Notes and tensors of a weights file from which the same reading is made again. */
  notes: Record<string, string>;
  tensors: Record<string, Tensor>;
  /** Frees what belongs to the reading; the model is freed by itself. */
  dispose(): void;
}

/** Features as the backbone gives them, of images of `sizePx`, those that it is made for unless given. */
export function plainReader(backbone: Backbone, sizePx = backbone.imageSize): FeatureReader {
  const of = (images: Tensor) => backbone.features(images);
  return { dim: backbone.featureDim, sizePx, of, once: of, notes: {}, tensors: {}, dispose: () => {} };
}

/**
 * The encoder's output averaged over tokens, 8 x embedDim numbers (768 for lvm-base), unless the reading says
 * otherwise.
 */
export function featuresOf(model: SwinUnet, reading: FeatureReading = readingOf(model, {})): FeatureReader {
  const { projection, pooling } = reading;
  const ranges = reading.commonRange === "both" ? [false, true] : [reading.commonRange];
  const plainDim =
    ranges.length * pooledDim(model, pooling) +
    (reading.rings ? ringPatternDim(model) : 0) +
    (reading.ellipses ? ELLIPSE_PATTERN_DIM : 0);
  const readIn = (inRange: boolean, rings: boolean, images: Tensor, views: Views) => {
    const seen = turnedViews(images, views, inRange ? commonRange : undefined);
    const rows = pooled(model, seen, pooling, rings);
    return views === 1 ? rows : rows.reshape(viewCount(views), images.shape[0], rows.shape[1]).mean(0);
  };
  const read = (images: Tensor, views: Views) => {
    const parts = ranges.map((inRange, i) => readIn(inRange, reading.rings && i === ranges.length - 1, images, views));
    if (reading.ellipses) parts.push(ellipsePatterns(commonRange(images)));
    const rows = parts.length === 1 ? parts[0] : cat(parts, 1);
    return projection === null ? rows : project(rows, projection);
  };
  return {
    dim: projection === null ? plainDim : projection.axes.shape[1],
    sizePx: reading.sizePx,
    of: (images) => read(images, reading.views),
    once: (images) => read(images, 1),
    notes: notesOf(reading),
    tensors: projection === null ? {} : projectionState(projection),
    dispose() {
      projection?.mean.dispose();
      projection?.axes.dispose();
    },
  };
}
