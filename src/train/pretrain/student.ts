/** What learns in pre-training: a model, the heads of its objectives, and the running average of its weights. */
import { Random } from "../../base/random.ts";
import { type Pooling, pooled } from "../../models/feature-pooling.ts";
import { growFromWeights } from "../../models/grow.ts";
import { createModel, loadWeights } from "../../models/index.ts";
import type { SwinUnet } from "../../models/swin-unet.ts";
import type { Module } from "../../nn/index.ts";
import { cat, type Group, manualSeed, noGrad, type Parameter, scope, type Tensor } from "../../torch/index.ts";
import type { StepRecord } from "../trainer.ts";
import { moveAverage } from "./average.ts";
import type { CatalogueShares } from "./catalogue.ts";
import { OBJECTIVES, type Objective, type ObjectiveName } from "./objectives/index.ts";
import { featuresOfAll, sumRecord } from "./parallel.ts";
import type { Recipe } from "./recipe.ts";
import type { PictureRow } from "./report.ts";
import type { ViewSource } from "./view-source.ts";

/** A model in pre-training. */
export interface Student {
  /** Notes of the weights that it began with. */
  begun: Record<string, string>;
  model: SwinUnet;
  /** How its maps become the features that objectives see. */
  pooling: Pooling;
  heads: Heads;
  /** The average of the model's weights over its last steps, with the memory of `averageDecay`; null where it is 0. */
  average: SwinUnet | null;
  averageDecay: number;
  /** All that a checkpoint holds, by name. */
  modules: Record<string, Module>;
  /** The parameters that the optimiser moves, by name. */
  learned: [string, Parameter][];
}

/** What of a recipe says how a student begins and what it learns. */
export type StudentSettings = Pick<
  Recipe,
  "model" | "initFrom" | "growFrom" | "objectives" | "pooling" | "averageDecay"
>;

/** A new student with its first weights. Draws from torch's seed. Throws UNKNOWN_MODEL, STATE_MISMATCH. */
export function createStudent(
  { model: name, initFrom, growFrom, objectives, pooling, averageDecay }: StudentSettings,
  told?: CatalogueShares,
): Student {
  const model = createModel(name).train();
  const begun = initFrom === undefined ? {} : loadWeights(model, initFrom);
  if (growFrom !== undefined) growFromWeights(model, growFrom);
  const heads = headsOf(objectives, (objective) => OBJECTIVES[objective](model, pooling, told));
  const average = averageDecay > 0 ? createModel(name) : null;
  average?.loadStateDict(model.stateDict());
  const ofHeads = Object.entries(heads).map(([name, { head }]): [string, Module] => [name, head]);
  // Parameters that no objective reaches (a decoder's, say) get no gradient; the optimiser leaves them alone.
  const learned: [string, Parameter][] = [...model.namedParameters()];
  for (const [name, head] of ofHeads)
    for (const [key, parameter] of head.namedParameters()) learned.push([`${name}.${key}`, parameter]);
  const modules = { model, ...(average === null ? {} : { average }), ...Object.fromEntries(ofHeads) };
  return { begun, model, pooling, heads, average, averageDecay, modules, learned };
}

/** The average follows the model after step `step`. */
export function moved({ average, averageDecay, model }: Student, step: number): void {
  if (average !== null) moveAverage(average, model, step, averageDecay);
}

/** Gradients of a step, of its `accumulate` passes and of all processes; the loss and its parts. */
export function learnStep(
  student: Student,
  source: ViewSource,
  { step, accumulate, group }: { step: number; accumulate: number; group: Group | null },
  random: Random,
): StepRecord {
  const passes = Array.from({ length: accumulate }, (_, i) => {
    if (i === accumulate - 1) group?.expectGradients();
    return onePass(student, source.views, { pass: step * accumulate + i, accumulate, group }, random.fork(`pass ${i}`));
  });
  group?.finishGradients();
  const mean = Object.fromEntries(
    Object.keys(passes[0]).map((key) => [key, passes.reduce((sum, pass) => sum + pass[key], 0) / passes.length]),
  );
  return sumRecord(mean, group) as StepRecord;
}

/** Loss and gradients of one pass, added to those there are; the loss and its parts for the record. */
function onePass(
  { pooling, model, heads }: Student,
  viewsOf: ViewSource["views"],
  { pass, accumulate, group }: { pass: number; accumulate: number; group: Group | null },
  random: Random,
): Record<string, number> {
  return scope(() => {
    const start = performance.now();
    const { views, places, rows, painted, truth } = viewsOf(pass);
    const waitMs = performance.now() - start;
    // Means over the part are weighted by it: batches need not divide evenly.
    const share = places.length / truth.length;
    let features: Tensor | null = null;
    const material = {
      model,
      views,
      places,
      rows,
      painted,
      truth,
      random,
      features() {
        features ??= featuresOfAll(pooled(model, views, pooling), places, truth.length, group);
        return features;
      },
    };
    let total: Tensor | null = null;
    const record: Record<string, number> = { loss: 0 };
    for (const { head, weight } of Object.values(heads)) {
      const { loss, parts } = head.loss(material);
      total = total === null ? loss.mul(weight) : total.add(loss.mul(weight));
      Object.assign(record, parts);
    }
    const mean = (total as Tensor | null)?.mul(share / accumulate);
    record.loss = ((mean?.item() ?? 0) * accumulate) / share;
    if (Number.isFinite(record.loss)) mean?.backward();
    // What the model waited for its material.
    record.waitMs = waitMs;
    return group === null
      ? record
      : Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value * share]));
  });
}

/** Objectives by name, with the weight of each in the loss. */
type Heads = Record<string, { head: Objective; weight: number }>;

function headsOf(objectives: Recipe["objectives"], headOf: (name: ObjectiveName) => Objective): Heads {
  const wanted = Object.entries(objectives).filter((entry): entry is [ObjectiveName, number] => entry[1] !== undefined);
  return Object.fromEntries(wanted.map(([name, weight]) => [name, { head: headOf(name), weight }]));
}

/** What all heads tell of a galaxy, [n, D]; null where none does. */
export function toldBy({ heads }: Pick<Student, "heads">): Tensor | null {
  const all = Object.values(heads).flatMap(({ head }) => head.told?.().detach() ?? []);
  return all.length === 0 ? null : cat(all, 0);
}

/** Galaxies of the report, at most. */
const SHOWN = 8;

/** Views of some galaxies, and what each objective that draws makes of them. */
export function picturesOf({ heads, pooling, ...student }: Student, source: ViewSource, seed: number): PictureRow[] {
  const model = student.average ?? student.model;
  const random = new Random(seed).fork("report");
  manualSeed(seed);
  model.eval();
  return noGrad(() =>
    scope(() => {
      const { views, places, rows, painted, truth } = source.some(SHOWN, random);
      const row = (title: string, images: Tensor): PictureRow => ({
        title,
        pixels: images.toFloat32Array(),
        sizePx: images.shape[3],
      });
      const step = {
        model,
        views,
        places,
        rows,
        painted,
        truth,
        random,
        features: () => pooled(model, views, pooling),
      };
      return [
        row("First views of some galaxies", views.slice(0, 0, truth.length)),
        row("Second views of the same", views.slice(0, truth.length, 2 * truth.length)),
        ...Object.values(heads).flatMap(
          ({ head }) => head.pictures?.(step).map(({ title, images }) => row(title, images)) ?? [],
        ),
      ];
    }),
  );
}
