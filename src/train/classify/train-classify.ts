/**
 * `skyloop train classify`: a head on frozen features, or a whole network, learned from a survey's label column, with
 * measures on objects that it never saw, and a report.
 */
import { join } from "node:path";
import type { Progress } from "../../base/progress.ts";
import type { SplitShares } from "../../batches/split.ts";
import { scoreLogits, softmaxRows } from "../../measure/calibration.ts";
import { openSurvey } from "../../survey/folder.ts";
import { isConvnet } from "../../tasks/classify/convnet.ts";
import type { ClassLearning, ClassOwn, ClassSamples } from "../../tasks/classify/data.ts";
import type { ClassifyHead } from "../../tasks/classify/head.ts";
import type { ClassModel } from "../../tasks/classify/predict.ts";
import { classLogits, stepsOfEpoch } from "../../tasks/classify/task.ts";
import { TASKS } from "../../tasks/index.ts";
import { type TaskRun, trainTask } from "../train-task.ts";
import type { LoopRecord } from "../train-tasks.ts";
import { writeClassifyReport } from "./report.ts";
import type { ClassifyResult, EpochRecord } from "./result.ts";
import { CLASS_AUGMENT } from "./train-network.ts";

/** A classifier to train: labels, network, splits by seed, folder of the result. */
export interface TrainClassifyOptions {
  /** Column with one class an object, or columns with shares of votes. */
  column?: string;
  votes?: string[];
  /** Only these classes of the column. */
  only?: string[];
  /**
   * A model of the table, or a convolutional network (alexnet, vgg16, resnet18, resnet50), which always learns as a
   * whole.
   */
  model: string;
  /** Weights to begin with: the released ones of an LVM, initial ones of a convolutional network unless given. */
  weights?: string;
  /** Whether the encoder learns too, from the pixels, with random views of the images. */
  fineTune?: boolean;
  /** Feature set to read; the model's unless given. */
  features?: string;
  out: string;
  /** Shares of the labelled objects that decide when to stop and that only measure. */
  shares?: SplitShares;
  head?: Partial<Pick<ClassLearning, "labelSmoothing" | "balanced">> & { seed?: number; epochs?: number };
  command: string;
  progress: Progress;
  signal?: AbortSignal;
}

const SHARES: SplitShares = { validation: 0.15, test: 0.2 };
/** The side of crops, which classification does not look at. */
const NO_CROPS_PX = 32;

/** The records as epochs. */
function epochsOf(records: LoopRecord[], perEpoch: number): EpochRecord[] {
  return records.slice(1).map(({ step, losses, measures }) => ({
    epoch: Math.round((100 * step) / perEpoch) / 100,
    trainLoss: losses[0] ?? 0,
    validationLoss: measures[0].loss,
    validationAccuracy: measures[0].accuracy,
  }));
}

/** What a finished training gives: measures on the test objects, and the report beside them. */
async function reportOf(run: TaskRun, folder: string, { command, model, out, head = {} }: TrainClassifyOptions) {
  const data = run.data as ClassSamples;
  const { classes, split, truth, rows, unlabelled, soft, column, dataHash } = data;
  const { card } = run.model as ClassModel;
  const logits = classLogits(run.network, run.learned.head as ClassifyHead, data, "test");
  const history = epochsOf(run.records, stepsOfEpoch(data, run));
  const survey = await openSurvey(folder);
  try {
    const result: ClassifyResult = {
      survey: survey.name,
      dataHash,
      command,
      column,
      classes,
      soft,
      model,
      weightsHash: run.network.weightsHash,
      encoder: "network" in (run.model as ClassModel) ? "trained" : "frozen",
      objects: { ...data.counts, unlabelled },
      seed: head.seed ?? 1,
      bestEpoch: run.best === null ? (history.at(-1)?.epoch ?? 0) : history[run.best - 1].epoch,
      scores: scoreLogits(
        logits,
        split.test.map((place) => truth[place]),
        classes.length,
        card.temperature,
      ),
      history,
    };
    const objects = split.test.map((place) => ({ row: rows[place], truth: truth[place] }));
    const probabilities = softmaxRows(logits, classes.length, card.temperature);
    await writeClassifyReport(join(out, "report.html"), survey, result, objects, probabilities);
    return result;
  } finally {
    survey.close();
  }
}

/**
 * Trains, measures on the test share and writes `head.safetensors`, `metrics.json` and `report.html` into `out`. A run
 * that was stopped goes on. Null where `signal` stopped it. Throws COLUMN_MISSING, NO_LABELS, NOT_CLASSES, ONE_CLASS,
 * BAD_VOTES, TOO_FEW_OBJECTS, RUN_EXISTS, DIVERGED, LOCKED and what computing features throws.
 */
export async function trainClassify(folder: string, options: TrainClassifyOptions): Promise<ClassifyResult | null> {
  const { column, votes, only, model, shares = SHARES, head: { seed = 1, epochs, ...learning } = {} } = options;
  const own: ClassOwn = {
    column,
    votes,
    only,
    split: shares,
    epochs,
    learning: { balanced: true, augment: CLASS_AUGMENT, ...learning },
  };
  return trainTask(
    TASKS.classify,
    folder,
    {
      ...options,
      headFile: "head.safetensors",
      seed,
      sizePx: NO_CROPS_PX,
      frozen: options.fineTune !== true && !isConvnet(model),
      own: { ...own },
      reading: options.progress,
    },
    (run) => reportOf(run, folder, options),
  );
}
