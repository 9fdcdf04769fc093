/** Using a trained head of any task on a survey: predictions that are kept with it, and measures of its test samples. */
import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { headerOf, type PredictionHeader, savePredictions } from "../store/predictions.ts";
import { openSurvey } from "../survey/folder.ts";
import { loadHead } from "./heads.ts";
import { TASKS } from "./index.ts";
import { measure, type TaskTable } from "./task.ts";

/**
 * Keeps what a head says of every object with the survey, under `name` (the task's and the backbone's unless given).
 * Throws BAD_HEAD for a head whose task makes pictures, and what loading the head and predicting throw.
 */
export async function predictTask(
  folder: string,
  headPath: string,
  { name, progress, tasks = TASKS }: { name?: string; progress: Progress; tasks?: TaskTable },
): Promise<{ name: string; columns: PredictionHeader["columns"] }> {
  const { task, card, model } = loadHead(headPath, tasks);
  try {
    if (task.predict === undefined)
      throw new SkyloopError(
        "BAD_HEAD",
        `${task.name} makes pictures, not a table; run \`skyloop predict ${task.name} IN OUT\``,
      );
    const survey = await openSurvey(folder);
    try {
      const found = await task.predict(model, survey, progress);
      const kept = name ?? `${task.name}-${card.backbone.name}`;
      const by = { task: task.name, model: card.backbone.name, head: headPath };
      savePredictions(folder, kept, headerOf(survey, by), found);
      return { name: kept, columns: found.columns };
    } finally {
      survey.close();
    }
  } finally {
    task.dispose(model);
  }
}

/**
 * The evaluator's measures of a head on the test samples of a survey, split by `seed` (that of the training unless
 * given). Throws BAD_HEAD for a head without its network, and what loading throws.
 */
export async function evaluateTask(
  folder: string,
  headPath: string,
  options: { seed?: number; sizePx?: number; own?: Record<string, unknown>; progress: Progress; tasks?: TaskTable },
): Promise<{ task: string; objects: number; deficit: number; measures: Record<string, number> }> {
  const { task, card, model } = loadHead(headPath, options.tasks ?? TASKS);
  try {
    if (task.parts === undefined)
      throw new SkyloopError(
        "BAD_HEAD",
        `a head of ${task.name} has no network of its own; run \`skyloop evaluate ${task.name}\``,
      );
    const { network, head } = task.parts(model);
    const { sizePx: inputPx } = network.reader;
    const data = await task.load(folder, {
      seed: options.seed ?? card.made.seed ?? 1,
      sizePx: options.sizePx ?? inputPx,
      inputPx,
      progress: options.progress,
      own: options.own,
    });
    return { task: task.name, objects: data.counts.test, ...measure(task, network, head, data, "test") };
  } finally {
    task.dispose(model);
  }
}
