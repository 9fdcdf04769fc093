/** Using a trained head of any task on a survey: predictions that are kept with it, and measures of its test samples. */
import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { mostProbable } from "../measure/classification.ts";
import {
  listPredictions,
  type Predicted,
  type PredictedColumn,
  readPredictions,
  savePredictions,
  sourceOf,
} from "../store/predictions.ts";
import { type ColumnSpec, OBJECT_COLUMNS, type TableFormat, writeTable } from "../survey/catalogue.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { loadHead } from "./heads.ts";
import { TASKS } from "./index.ts";
import { measure, type Samples, type TaskTable } from "./task.ts";

/** What is done with predictions beside keeping them, and which tasks there are. */
export interface PredictOptions {
  /** A catalogue to write. */
  out?: { path: string; format: TableFormat };
  /** Under which name they are kept; that of what is predicted and of the backbone unless given. */
  name?: string;
  progress: Progress;
  tasks?: TaskTable;
}

/**
 * Keeps what a head says of every object with the survey, where the page finds it, and writes id, position and the
 * columns to `out`; of classes also the most probable one and its probability. Returns the name, the columns and, of
 * classes, how many objects are of each. Throws BAD_HEAD for a head whose task makes pictures, BAD_OPTION for a
 * catalogue of lists, and what loading the head and predicting throw.
 */
export async function predictTask(
  folder: string,
  headPath: string,
  { out, name, progress, tasks = TASKS }: PredictOptions,
): Promise<{ name: string; columns: PredictedColumn[]; counts: Record<string, number> | null }> {
  const { task, card, model } = loadHead(headPath, tasks);
  const survey = await openSurvey(folder);
  try {
    if (task.predict === undefined)
      throw new SkyloopError(
        "BAD_HEAD",
        `${task.name} makes pictures, not a table; run \`skyloop predict ${task.name} IN OUT\``,
      );
    const found = await task.predict(model, survey, progress);
    const what = found.classes?.column ?? task.name;
    const kept = name ?? `${what}-${card.backbone.name}`.replace(/[^A-Za-z0-9._-]+/g, "_");
    savePredictions(
      folder,
      kept,
      sourceOf(survey, { task: task.name, model: card.backbone.name, head: headPath }),
      found,
    );
    if (out !== undefined) await writeCatalogue(survey, found, { task: task.name, model: card.backbone.name }, out);
    return { name: kept, columns: found.columns, counts: countsOf(found) };
  } finally {
    survey.close();
    task.dispose(model);
  }
}

/** How many objects each class is the most probable one of; null where no classes are predicted. */
function countsOf({ classes, values }: Predicted): Record<string, number> | null {
  if (classes === undefined) return null;
  const predicted = mostProbable(values, classes.names.length);
  return Object.fromEntries(classes.names.map((name, k) => [name, predicted.filter((value) => value === k).length]));
}

const numberOrNull = (value: number) => (Number.isFinite(value) ? value : null);

/** Writes kept predictions of one row an object as a catalogue with id and position. Throws PREDICTIONS_UNKNOWN, BAD_OPTION. */
export async function writePredicted(
  folder: string,
  name: string,
  out: { path: string; format: TableFormat },
): Promise<void> {
  const survey = await openSurvey(folder);
  try {
    const kept = listPredictions(folder, survey.header.dataHash).find((set) => set.name === name);
    if (kept === undefined)
      throw new SkyloopError("PREDICTIONS_UNKNOWN", `survey ${folder} has no table called ${name}`);
    await writeCatalogue(survey, { columns: kept.columns, ...readPredictions(folder, kept) }, kept, out);
  } finally {
    survey.close();
  }
}

async function writeCatalogue(
  survey: Survey,
  { columns, values, offsets, classes }: Predicted,
  about: { task: string; model: string },
  out: { path: string; format: TableFormat },
): Promise<void> {
  if (offsets !== null)
    throw new SkyloopError("BAD_OPTION", "a list for each object is no table of the survey's rows; leave out --out");
  const K = columns.length;
  const predicted = classes === undefined ? null : mostProbable(values, K);
  const best = (i: number) => (predicted as ArrayLike<number>)[i];
  const specs: ColumnSpec[] = [
    ...OBJECT_COLUMNS,
    ...(classes === undefined
      ? []
      : ([
          {
            name: "predicted",
            type: "string",
            description: `most probable class of ${classes.column}`,
            ucd: "src.class",
          },
          { name: "confidence", type: "number", description: "its probability", ucd: "stat.probability" },
        ] as const)),
    ...columns.map(
      ({ name, unit, about, ucd, whole }): ColumnSpec => ({
        name,
        type: whole === true ? "integer" : "number",
        unit,
        description: about,
        ucd,
      }),
    ),
  ];
  const rows = survey.rows.map((row, i) => ({
    id: row.id,
    ra: row.raDeg,
    dec: row.decDeg,
    ...(classes === undefined ? {} : { predicted: classes.names[best(i)], confidence: values[i * K + best(i)] }),
    ...Object.fromEntries(columns.map(({ name }, k) => [name, numberOrNull(values[i * K + k])])),
  }));
  const infos = { creator: "Skyloop", survey: survey.name, data_hash: survey.header.dataHash };
  await writeTable(out.path, out.format, specs, rows, {
    description: `${about.task} of ${survey.header.title}, ${rows.length} objects`,
    infos: about.model === "" ? infos : { ...infos, model: about.model },
  });
}

/** Which samples of a survey a head is measured on. */
export interface EvaluateOptions {
  /** Those that its training left, unless given, or all that the survey has. */
  which?: "test samples" | "everything";
  /** Of the split; that of the training unless given. */
  seed?: number;
  sizePx?: number;
  own?: Record<string, unknown>;
  /** Whether the task's further scores are wanted. */
  scores?: boolean;
  progress: Progress;
  tasks?: TaskTable;
}

/** The evaluator's measures of a head; what the task says of the samples, and its further scores, where asked for. */
export interface TaskEvaluation {
  task: string;
  survey: string;
  objects: number;
  deficit: number;
  measures: Record<string, number>;
  record: Record<string, unknown>;
  scores: object | null;
}

/**
 * Measures a head on a survey. Throws BAD_HEAD for a head without its network, or that cannot say which objects its
 * training left, OTHER_WEIGHTS, and what loading throws.
 */
export async function evaluateTask(
  folder: string,
  headPath: string,
  options: EvaluateOptions,
): Promise<TaskEvaluation> {
  const { task, card, model } = loadHead(headPath, options.tasks ?? TASKS);
  try {
    if (task.parts === undefined)
      throw new SkyloopError(
        "BAD_HEAD",
        `a head of ${task.name} has no network of its own; run \`skyloop evaluate ${task.name}\``,
      );
    const { which = "test samples", progress } = options;
    const { own, seed = card.made.seed ?? 1 } = task.readAs?.(model, which) ?? { own: {} };
    const { network, head, inputs } = await task.parts(model, folder, progress);
    const { sizePx: inputPx } = network.reader;
    const data: Samples = await task.load(folder, {
      seed: options.seed ?? seed,
      sizePx: options.sizePx ?? inputPx,
      inputPx,
      inputs,
      progress,
      own: { ...own, ...options.own },
    });
    const { deficit, measures } = measure(task, network, head, data, "test");
    return {
      task: task.name,
      survey: folder.split(/[/\\]/).filter(Boolean).at(-1) ?? folder,
      objects: data.counts.test,
      deficit,
      measures,
      record: task.recordOf?.(data) ?? {},
      scores: options.scores === true ? (task.scores?.(network, head, data, model) ?? null) : null,
    };
  } finally {
    task.dispose(model);
  }
}
