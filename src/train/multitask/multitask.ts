/**
 * Classification, restoration and reconstruction learned together on one encoder (Fu et al. 2024, section 3). The paper
 * shares its steps by the test set; here they are shared by a validation split.
 */
import type { ClassificationScores } from "../../measure/classification.ts";
import { loadBackbone } from "../../models/index.ts";
import { type ClassSamples, loadClasses } from "../../tasks/classify/data.ts";
import { type ImageData, loadImageData } from "../../tasks/images/data.ts";
import type { MethodScores } from "../../tasks/images/evaluate.ts";
import { imageSamples } from "../../tasks/images/task.ts";
import { TASKS } from "../../tasks/index.ts";
import type { ActiveShares } from "../shares.ts";
import { checkOptions, type TaskSource, type TogetherOptions, type TogetherResult, trainTogether } from "./together.ts";

export { STRATEGIES, type Strategy } from "./together.ts";

/** The paper does not print how strongly shares follow performance. */
export const DEFAULT_ACTIVE: ActiveShares = { temperature: 0.25, floor: 0.15 };

/** Images that restoration and reconstruction learn from at most: the paper's number. */
const MOST_PAIRS = 1000;

/** What a run of the paper's three tasks is asked for. */
export interface MultitaskOptions extends Omit<TogetherOptions, "tasks" | "splits"> {
  /** Survey with the classes, and the column that holds them. */
  classes: string;
  column: string;
  /** Survey whose stamps are restored and reconstructed. */
  images: string;
  /** Of the splits, so that runs of several seeds are measured on the same objects. */
  splitSeed: number;
  /** Of the classes' split, where it is another. */
  classSplitSeed?: number;
  /** Restoration is told the width of the point spread. */
  seeingKnown: boolean;
}

/** What a run leaves in `metrics.json`. Steps of tasks stand in the order classify, restore, reconstruct. */
export interface MultitaskResult extends TogetherResult {
  splitSeed: number;
  classSplitSeed: number;
  classes: string[];
  classify: ClassificationScores;
  restore: Record<string, MethodScores>;
  reconstruct: Record<string, MethodScores>;
}

/** What decides which objects are learned from. */
export type DataOptions = Pick<
  MultitaskOptions,
  "classes" | "column" | "images" | "sizePx" | "splitSeed" | "classSplitSeed" | "reading"
>;

/** Samples of the paper's tasks, which several runs may share. */
export interface MultitaskData {
  classes: ClassSamples;
  images: ImageData;
}

/**
 * Both surveys' data, split by `splitSeed`, the classes by `classSplitSeed` where it is given; classes as inputs of
 * `inputPx`.
 */
export async function loadMultitaskData(
  { classes, column, images, sizePx, splitSeed, classSplitSeed = splitSeed, reading }: DataOptions,
  inputPx: number,
): Promise<MultitaskData> {
  return {
    classes: await loadClasses(classes, { seed: classSplitSeed, inputPx, progress: reading, own: { column } }),
    images: await loadImageData(images, sizePx, splitSeed, reading, MOST_PAIRS),
  };
}

/** `trainTogether` of the paper's three tasks. `loaded` spares several runs on the same data to read it again. */
export async function trainMultitask(
  options: MultitaskOptions,
  loaded?: MultitaskData,
): Promise<MultitaskResult | null> {
  const { splitSeed, classSplitSeed = splitSeed, seeingKnown, sizePx, column, reading } = options;
  checkOptions(options);
  const { inputPx } = await loadBackbone(options.model, options.weights);
  const data = loaded ?? (await loadMultitaskData(options, inputPx));
  const own = { seeingKnown };
  const images = (task: "restore" | "reconstruct"): TaskSource => ({
    task: TASKS[task],
    survey: options.images,
    options: { seed: splitSeed, own },
    data: imageSamples(task, data.images, { sizePx, own, seed: splitSeed, inputPx, progress: reading }),
  });
  const classify: TaskSource = {
    task: TASKS.classify,
    survey: options.classes,
    options: { seed: classSplitSeed, own: { column } },
    data: data.classes,
  };
  const tasks = [classify, images("restore"), images("reconstruct")];
  const splits = { splitSeed, classSplitSeed };
  return (await trainTogether({ ...options, tasks, splits })) as MultitaskResult | null;
}
