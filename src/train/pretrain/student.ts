/** What learns in pre-training: a model, the heads of its objectives, and the running average of its weights. */
import { Random } from "../../base/random.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { noiseTable } from "../../batches/noise.ts";
import { pooled } from "../../models/feature-pooling.ts";
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
import { Sampler, type SamplerOptions } from "./sampler.ts";
import type { ViewSource } from "./view-source.ts";
import { makeViews } from "./views.ts";

/** A model in pre-training. */
export interface Student {
  recipe: Recipe;
  /** Notes of the weights that it began with. */
  begun: Record<string, string>;
  model: SwinUnet;
  heads: Heads;
  /** The average of the model's weights over its last steps; null where the recipe wants none. */
  average: SwinUnet | null;
  /** All that a checkpoint holds, by name. */
  modules: Record<string, Module>;
  /** The parameters that the optimiser moves, by name. */
  learned: [string, Parameter][];
}

/** A new student of a recipe, with its first weights. Draws from torch's seed. Throws UNKNOWN_MODEL, STATE_MISMATCH. */
export function createStudent(recipe: Recipe, told?: CatalogueShares): Student {
  const model = createModel(recipe.model).train();
  const begun = recipe.initFrom === undefined ? {} : loadWeights(model, recipe.initFrom);
  if (recipe.growFrom !== undefined) growFromWeights(model, recipe.growFrom);
  const heads = objectivesOf(recipe, model, told);
  const average = recipe.averageDecay > 0 ? createModel(recipe.model) : null;
  average?.loadStateDict(model.stateDict());
  const ofHeads = Object.entries(heads).map(([name, { head }]): [string, Module] => [name, head]);
  // Parameters that no objective reaches (a decoder's, say) get no gradient; the optimiser leaves them alone.
  const learned: [string, Parameter][] = [...model.namedParameters()];
  for (const [name, head] of ofHeads)
    for (const [key, parameter] of head.namedParameters()) learned.push([`${name}.${key}`, parameter]);
  const modules = { model, ...(average === null ? {} : { average }), ...Object.fromEntries(ofHeads) };
  return { recipe, begun, model, heads, average, modules, learned };
}

/** The average follows the model after step `step`. */
export function moved({ average, model, recipe }: Student, step: number): void {
  if (average !== null) moveAverage(average, model, step, recipe.averageDecay);
}

/** Gradients of a step, of all its passes and processes; the loss and its parts. */
export function learnStep(
  student: Student,
  source: ViewSource,
  step: number,
  random: Random,
  group: Group | null,
): StepRecord {
  const { accumulate } = student.recipe;
  const passes = Array.from({ length: accumulate }, (_, i) => {
    if (i === accumulate - 1) group?.expectGradients();
    return onePass(student, source, step * accumulate + i, random.fork(`pass ${i}`), group);
  });
  group?.finishGradients();
  const mean = Object.fromEntries(
    Object.keys(passes[0]).map((key) => [key, passes.reduce((sum, pass) => sum + pass[key], 0) / passes.length]),
  );
  return sumRecord(mean, group) as StepRecord;
}

/** Loss and gradients of one pass, added to those there are; the loss and its parts for the record. */
function onePass(
  { recipe, model, heads }: Student,
  source: ViewSource,
  pass: number,
  random: Random,
  group: Group | null,
): Record<string, number> {
  return scope(() => {
    const start = performance.now();
    const { views, places, rows, truth } = source.views(pass);
    const waitMs = performance.now() - start;
    // Means over the part are weighted by it: batches need not divide evenly.
    const share = places.length / truth.length;
    let features: Tensor | null = null;
    const material = {
      model,
      views,
      places,
      rows,
      truth,
      random,
      features() {
        features ??= featuresOfAll(pooled(model, views, recipe.pooling), places, truth.length, group);
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
    const mean = (total as Tensor | null)?.mul(share / recipe.accumulate);
    record.loss = ((mean?.item() ?? 0) * recipe.accumulate) / share;
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

function objectivesOf(recipe: Recipe, model: SwinUnet, told?: CatalogueShares): Heads {
  const wanted = Object.entries(recipe.objectives).filter(
    (entry): entry is [ObjectiveName, number] => entry[1] !== undefined,
  );
  return Object.fromEntries(
    wanted.map(([name, weight]) => [name, { head: OBJECTIVES[name](model, recipe.pooling, told), weight }]),
  );
}

/** What all heads tell of a galaxy, [n, D]; null where none does. */
export function toldBy({ heads }: Pick<Student, "heads">): Tensor | null {
  const all = Object.values(heads).flatMap(({ head }) => head.told?.().detach() ?? []);
  return all.length === 0 ? null : cat(all, 0);
}

/** Galaxies of the report, at most. */
const SHOWN = 8;

/** Views of some galaxies, and what each objective that draws makes of them. */
export function picturesOf(
  { recipe, heads, ...student }: Student,
  bank: ImageBank,
  sampling: SamplerOptions,
): PictureRow[] {
  const model = student.average ?? student.model;
  const sampler = new Sampler(sampling);
  const random = new Random(recipe.seed).fork("report");
  manualSeed(recipe.seed);
  model.eval();
  return noGrad(() =>
    scope(() => {
      // The first process has those of the first shard, however many processes there are.
      const own = sampler.rows(0).filter((_, place) => place % (bank.shards?.count ?? 1) === 0);
      const { views, places, rows, truth } = makeViews(
        bank,
        own.slice(0, SHOWN),
        random,
        recipe,
        noiseTable(recipe.seed),
      );
      const row = (title: string, images: Tensor): PictureRow => ({
        title,
        pixels: images.toFloat32Array(),
        sizePx: recipe.viewPx,
      });
      const step = { model, views, places, rows, truth, random, features: () => pooled(model, views, recipe.pooling) };
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
