/**
 * What a task is: something that a network learns to say of galaxies, from its samples to its measures. `TASKS` in
 * index.ts is the table of them; a new one is a file that exports a `Task`, and an entry there.
 */
import type { Progress } from "../base/progress.ts";
import type { Random } from "../base/random.ts";
import type { Capability } from "../models/backbone.ts";
import type { BackboneSource, LoadedBackbone } from "../models/index.ts";
import type { Module } from "../nn/index.ts";
import type { Predicted } from "../store/predictions.ts";
import type { Stamp, Survey } from "../survey/folder.ts";
import type { Tensor } from "../torch/index.ts";

/** A backbone that is in memory, its name, how its features are read, and the hash of its weights. */
export type Network = LoadedBackbone;

/** What a survey gives to learn from, to choose by and to measure with, no object in two of them. */
export interface Samples {
  /** Names the survey's state. */
  dataHash: string;
  counts: { train: number; validation: number; test: number };
}

/** Part of the samples that is measured: in training to choose by, at the end to say how good the head is. */
export type MeasuredPart = "validation" | "test";

/** What decides which samples are taken of a survey. A task reads what it needs. */
export interface SampleOptions {
  /** Of the split. */
  seed: number;
  /** Side of crops, for tasks that learn from crops. */
  sizePx: number;
  /** Side of the inputs that the backbone's features are made for. */
  inputPx: number;
  progress: Progress;
  /** What the network is given, where that is not images; asked for when the rest of the samples is known to be right. */
  inputs?(): Promise<InputsOf>;
  /** Most objects to learn from. */
  mostTrain?: number;
  /** What the task alone knows: a label column, ranges of blur. */
  own?: Record<string, unknown>;
}

/** What a network is given of objects by their rows in the catalogue, [rows, ...] in single precision. */
export type InputsOf = (rows: number[]) => Tensor;

/** A network before it is in memory. `load` is given the samples: a network may end in their classes. */
export interface NetworkSource<Data = Samples> extends Omit<BackboneSource, "load"> {
  load(data: Data): Network;
  /** What it is given, where that is not images; `load` comes after it. */
  inputs?(): Promise<InputsOf>;
  /** The feature set that it gives, for heads that read features from disk. */
  features?: string;
}

/** What decides which network a task learns on. */
export interface NetworkRequest {
  /** The survey's folder. */
  folder: string;
  /** Name of a model, its weights where they are not the released ones, and a feature set other than the model's. */
  model: string;
  weights?: string;
  features?: string;
  /** Whether it keeps its weights. */
  frozen: boolean;
  /** Of computing features. */
  progress: Progress;
}

/** How long and how fast a task learns. */
export interface Schedule {
  steps: number;
  /** Samples a step, in units of `batchTimes`. */
  batchSize: number;
  warmupSteps: number;
  /** "cosine": after the warm-up down to nothing at the last step; "constant": neither. */
  rate: "cosine" | "constant";
  /** Of the head. */
  learningRate: number;
  /** What it is multiplied by for a backbone that is not frozen. */
  encoderRate: number;
  weightDecay: number;
  validateEvery: number;
  checkpointEvery: number;
  /** Validations without a better one after which training stops; the best head is kept. */
  patience: number;
}

/** A model's network and head, to measure it; `inputs` where the network is not given images. */
export interface Parts<Head = Module> {
  network: Network;
  head: Head;
  inputs?(): Promise<InputsOf>;
}

/** How `load` reads a survey to measure a model on it; without `seed` that of the card counts. */
export interface Reading {
  own: Record<string, unknown>;
  seed?: number;
}

/** Measures gathered batch by batch. */
export interface Evaluator<Batch, Found> {
  /** Forgets what was gathered. */
  reset(): void;
  /** Takes a batch and what was found in it. */
  process(batch: Batch, found: Found): void;
  /**
   * What was gathered, as numbers by name, and how far from perfect that is: 0 perfect, 1 worthless. Steps of training
   * are shared between tasks by it. `loss`, where there is one, says more finely when a head is better.
   */
  evaluate(): { deficit: number; measures: Record<string, number>; loss?: number };
}

/** What is written beside a head's weights: the same for every task, but for `details`. */
export interface HeadCard<Details = Record<string, unknown>> {
  /** Of this record; 1. */
  format: number;
  /** Name of the task, in TASKS. */
  task: string;
  /** Name of the backbone, and the hash of its weights that the head stands on; null where they are in the file. */
  backbone: { name: string; weightsHash: string | null };
  /** Hash of the survey's catalogue that was learned from; null where it is not known. */
  trainedOn: { dataHash: string | null };
  /** Version of Skyloop, seed and steps; null where they are not known. */
  made: { skyloop: string | null; seed: number | null; steps: number | null };
  /** What this task needs to use the head. */
  details: Details;
}

/** What a training knows of itself when it is done, for cards. */
export interface TrainingFacts {
  seed: number;
  steps: number;
  /** Name of the feature set that the trained backbone would make; for heads that read features from disk. */
  features?: string;
}

/** What goes into a head's file. */
export interface Packed<Details = Record<string, unknown>> extends Omit<HeadCard<Details>, "format" | "task"> {
  tensors: Record<string, Tensor>;
  /** Further notes, by which other programs read the tensors. */
  notes?: Record<string, string>;
}

/**
 * One task. `Data` are its samples, `Batch` what one step learns from, `Found` what `decode` makes of the network's
 * output, `Model` what is used when training is over. Errors of `load` and `open` name what is wrong.
 */
export interface Task<
  Data extends Samples = Samples,
  Batch = unknown,
  Head extends Module = Module,
  Found = unknown,
  Model = unknown,
  Details = Record<string, unknown>,
> {
  /** The word of the command line, of cards and files. */
  readonly name: string;
  /** What `Evaluator.evaluate().deficit` is, for an axis. */
  readonly deficitLabel: string;
  /** What its survey is called in the record of a run with several tasks; tasks of one source share samples. */
  readonly source: string;
  /** Objects of one step for each of a task that learns from crops, so that steps cost alike. */
  readonly batchTimes: number;
  /** What its backbone has to give. */
  readonly needs: readonly Capability[];

  /** A network that only this task knows, or null: the tables of models have it. */
  network?(request: NetworkRequest): Promise<NetworkSource<Data> | null>;
  /** How it learns where nobody asks for anything else. */
  schedule?(data: Data, network: Network, frozen: boolean): Partial<Schedule>;
  /** Samples of a survey. */
  load(folder: string, options: SampleOptions): Promise<Data>;
  /** What else of the samples decides a run: a checkpoint of other values is refused. */
  runKey(data: Data): Record<string, unknown>;
  /** A new head for the samples on a network; draws from torch's seed. */
  createHead(network: Network, data: Data): Head;
  /** A batch of `count` training samples, drawn with `random` and libtorch's generator alone. */
  draw(network: Network, data: Data, count: number, random: Random): Batch;
  /** Calls `use` with all samples of a part in batches, the same in every call; gradients are off. */
  eachBatch(data: Data, part: MeasuredPart, use: (batch: Batch) => void): void;
  /** The head's output for a batch; a frozen backbone records no gradients. */
  forward(network: Network, head: Head, batch: Batch, frozen: boolean): Tensor;
  /** A number to make smaller. */
  loss(output: Tensor, batch: Batch): Tensor;
  /** The output as what it means, in the user's units. */
  decode(output: Tensor, batch: Batch): Found;
  evaluator(data: Data): Evaluator<Batch, Found>;
  /** What the record of a run says of the samples: names of classes, say. */
  recordOf?(data: Data): Record<string, unknown>;
  /** More than the evaluator's measures of the test samples, as `metrics.json` keeps it; with a finished model more. */
  scores?(network: Network, head: Head, data: Data, model?: Model): object;

  /** What is used when training is over: head and network in evaluation mode, with their card. */
  finish(network: Network, head: Head, data: Data, made: TrainingFacts): Model;
  /** What of it is written into a file. */
  pack(model: Model): Packed<Details>;
  /** The model of a card, the file's tensors and notes. */
  open(card: HeadCard<Details>, tensors: Record<string, Tensor>, notes: Record<string, string>): Model;
  dispose(model: Model): void;
  /** Network and head of a model, to measure it on a survey. Absent: the model is no such pair. */
  parts?(model: Model, folder: string, progress: Progress): Parts<Head> | Promise<Parts<Head>>;
  /**
   * How a survey is read to measure a model on the test samples that its training left, or on all that it has. Absent:
   * as the card's seed splits it. Throws BAD_HEAD where the model does not know.
   */
  readAs?(model: Model, which: "test samples" | "everything"): Reading;

  /** What a model says of a survey's objects. Absent: it makes pictures only. */
  predict?(model: Model, survey: Survey, progress: Progress): Promise<Predicted>;
  /** A stamp as the model would have it, 8-bit colour [H, W, 3]. */
  picture?(model: Model, stamp: Stamp): Uint8Array;
  /** What such a picture is, as the page says it. */
  readonly pictureCaption?: string;
  /** Why the page cannot show the pictures of a model (`path` is its file), or null. */
  pictureRefusal?(details: Details, path: string): string | null;
}

/** Any task, its own types unknown to who uses it. */
// biome-ignore lint/suspicious/noExplicitAny: a table holds tasks of different samples; each meets only its own.
export type AnyTask = Task<any, any, any, any, any, any>;

/** Which tasks a program knows; `TASKS` of index.ts, or more in a test. */
export type TaskTable = Readonly<Record<string, AnyTask>>;

/** Runs a part of the samples through network and head and returns the evaluator's measures. */
export function measure(
  task: AnyTask,
  network: Network,
  head: Module,
  data: Samples,
  part: MeasuredPart,
  evaluator: Evaluator<unknown, unknown> = task.evaluator(data),
): ReturnType<Evaluator<unknown, unknown>["evaluate"]> {
  evaluator.reset();
  task.eachBatch(data, part, (batch) =>
    evaluator.process(batch, task.decode(task.forward(network, head, batch, true), batch)),
  );
  return evaluator.evaluate();
}
