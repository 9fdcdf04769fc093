/** What a classifier's training leaves in `metrics.json`. */
import type { CalibratedScores } from "../../measure/calibration.ts";

/** Mean cross entropy and accuracy after one epoch. */
export interface EpochRecord {
  epoch: number;
  trainLoss: number;
  validationLoss: number;
  validationAccuracy: number;
}

/** What a trained classifier reached on the test split; written as metrics.json. */
export interface ClassifyResult {
  survey: string;
  dataHash: string;
  command: string;
  column: string;
  classes: string[];
  soft: boolean;
  model: string;
  weightsHash: string;
  /** Whether only the head learned, or the whole network. */
  encoder: "frozen" | "trained";
  objects: { train: number; validation: number; test: number; unlabelled: number };
  seed: number;
  bestEpoch: number;
  scores: CalibratedScores;
  history: EpochRecord[];
}
