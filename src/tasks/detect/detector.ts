/** A trained detector on disk: its weights, and a card with all that is needed to use it. */
import { newBackbone } from "../../models/mask-rcnn/backbones.ts";
import { galaxyOptions, MaskRcnn } from "../../models/mask-rcnn/index.ts";
import { noGrad, op, scope, type Tensor } from "../../torch/index.ts";
import { readHead, skyloopVersion, writeHead } from "../card.ts";

/** What a detector is, what it was trained on, and what its images must be like. */
export interface DetectorDetails {
  /** Side of the images that a vision transformer's windows are cut for. */
  windowsPx: number;
  /** Images are shown to the network so many times as large; 1 where nothing is said. */
  enlarge?: number;
  /** Width of everything behind the backbone. */
  channels: number;
  classes: string[];
  /** Bands in the order of the images' planes; empty for pictures. */
  bands: string[];
  unit: string;
  pixelScaleArcsec: number | null;
  /** Longest side of the objects it was trained on. */
  largestObjectPx: number;
  /** Detections that score less are left out unless another threshold is asked for. */
  threshold: number;
  /** On fields that it was not trained on, by which its weights were chosen. */
  validation: Record<string, number | null>;
}

/** A trained network in evaluation mode with its card: backbone, data, seed and steps, and what its images must be like. */
export interface Detector {
  model: MaskRcnn;
  backbone: string;
  weightsHash: string;
  dataHash: string;
  made: { skyloop: string | null; seed: number | null; steps: number | null };
  details: DetectorDetails;
}

/** A new network as a detector's card describes it, in evaluation mode. */
function newDetector(backbone: string, { windowsPx, channels, classes, enlarge }: DetectorDetails): MaskRcnn {
  return new MaskRcnn(newBackbone(backbone, windowsPx), galaxyOptions(classes, channels, enlarge)).eval();
}

/** Tensors of fewer numbers are kept as they are. */
const LARGE = 10_000;
const SCALE = ".scale";
const STEPS = 127;

/**
 * A state for a file: matrices and kernels as whole numbers of 8 bits with a scale for each output, a quarter of their
 * size; what is small stays as it is.
 */
function packed(state: Record<string, Tensor>): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(state)) {
    if (value.dtype !== "float32" || value.shape.length < 2 || value.size < LARGE) {
      out[name] = value;
      continue;
    }
    const rows = value.detach().flatten(1);
    const scale = op("amax", rows.abs(), [1], true).div(STEPS).clamp(1e-30);
    out[name] = op("round", rows.div(scale))
      .to("int8")
      .view(...value.shape);
    out[name + SCALE] = scale;
  }
  return out;
}

/** The state that `packed` was given, rounded. */
function unpacked(tensors: Record<string, Tensor>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, value]) => {
      const scale = tensors[name + SCALE];
      if (name.endsWith(SCALE)) return [];
      return [
        [
          name,
          scale === undefined
            ? value
            : value
                .to("float32")
                .flatten(1)
                .mul(scale)
                .view(...value.shape),
        ],
      ];
    }),
  );
}

/** Rounds a detector's weights to what its file will hold, so that what is measured is what is kept. */
export function roundWeights(model: MaskRcnn): void {
  noGrad(() => scope(() => model.loadStateDict(unpacked(packed(model.stateDict())))));
}

/** Writes a detector; the file appears whole or not at all. */
export function saveDetector(path: string, { model, backbone, weightsHash, dataHash, made, details }: Detector): void {
  scope(() =>
    writeHead(path, "detect", {
      backbone: { name: backbone, weightsHash },
      trainedOn: { dataHash },
      made: { ...made, skyloop: skyloopVersion() },
      details,
      tensors: packed(model.stateDict()),
    }),
  );
}

/** Reads what `saveDetector` wrote, in evaluation mode. Throws BAD_HEAD, HEAD_NEWER, FILE_UNREADABLE, STATE_MISMATCH. */
export function loadDetector(path: string): Detector {
  return scope(() => {
    const { card, tensors } = readHead(path, "detect");
    const details = card.details as unknown as DetectorDetails;
    const model = newDetector(card.backbone.name, details);
    model.loadStateDict(unpacked(tensors));
    return {
      model,
      backbone: card.backbone.name,
      weightsHash: card.backbone.weightsHash ?? "none",
      dataHash: card.trainedOn.dataHash ?? "",
      made: card.made,
      details,
    };
  });
}
