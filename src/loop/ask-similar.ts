/** Questions about what objects are like, asked of a survey folder by ids, positions and files. */
import { readFileSync } from "node:fs";
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { Unlabelled } from "../contract/api.ts";
import type { FarNumber } from "../contract/similar.ts";
import { savePredictions, sourceOf } from "../store/predictions.ts";
import { lookUp } from "./lookup.ts";
import { createSession } from "./session.ts";
import { modelOfSurvey } from "./survey-model.ts";
import { Workbench } from "./workbench.ts";

/** Examples and counterexamples by id, position (text) and picture file. */
export interface SimilarQuestion {
  /** Feature set; the first that is finished unless given. */
  model?: string;
  like: string[];
  unlike: string[];
  position: string[];
  picture: string[];
  /** In arcsec, around a position. */
  radius: number;
  count: number;
}

/** An object that is found, with those that are nearly the same. */
export interface SimilarAnswer {
  object: string;
  similarity: number;
  duplicates: string[];
}

function rowOf({ survey }: Workbench, object: string): number {
  const row = survey.indexOf(object);
  if (row === undefined) throw new SkyloopError("OBJECT_UNKNOWN", `survey ${survey.name} has no object ${object}`);
  return row;
}

function rowAt({ survey }: Workbench, position: string, radiusArcsec: number): number {
  const [ra, dec] = [survey.column("ra"), survey.column("dec")];
  const sky = {
    count: survey.count,
    ra: (row: number) => (ra?.at(row) ?? null) as number | null,
    dec: (row: number) => (dec?.at(row) ?? null) as number | null,
  };
  const [found] = lookUp(position, sky, survey.indexOf, radiusArcsec).rows;
  if (found === undefined)
    throw new SkyloopError(
      "NOTHING_AT_POSITION",
      `survey ${survey.name} has nothing within ${radiusArcsec} arcsec of ${position}; --radius looks farther`,
    );
  return found;
}

function fileOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new SkyloopError("FILE_UNREADABLE", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** A session that is to be begun: what is looked for, by whom, from which seed, and what stands for negatives. */
export interface SessionWish {
  target: string;
  who: string;
  seed: number;
  unlabelled?: Unlabelled;
}

/** Begins a session from examples; with neither kind it shows the unusual first. */
async function begin(
  bench: Workbench,
  model: string,
  wish: SessionWish,
  examples: { positive: string[]; negative: string[] },
): Promise<string> {
  const { survey, store } = bench;
  const { weightsHash } = await bench.features(model);
  const here = { name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf };
  const wanted = { survey: survey.name, model, alpha: 0.5, pageSize: 20, randomPicks: 2, ...wish };
  return createSession(store, here, weightsHash, { ...wanted, ...examples });
}

/**
 * Begins a search for what the examples of a question are: `like` and the objects at its positions are its positives,
 * `unlike` its negatives, of which there may be none. Answers the session's name. Throws BAD_OPTION without a positive
 * and for pictures, OBJECT_UNKNOWN, NOTHING_AT_POSITION, FEATURES_MISSING.
 */
export async function sessionFrom(folder: string, question: SimilarQuestion, wish: SessionWish): Promise<string> {
  if (question.picture.length > 0 || question.like.length + question.position.length === 0)
    throw new SkyloopError(
      "BAD_OPTION",
      "--session begins with objects of the survey: give at least one with --like or --position, and no --picture",
    );
  const bench = await Workbench.open(folder);
  try {
    const at = question.position.map((text) => bench.survey.row(rowAt(bench, text, question.radius)).id);
    const positive = [...new Set([...question.like, ...at])];
    return await begin(bench, question.model ?? modelOfSurvey(folder), wish, { positive, negative: question.unlike });
  } finally {
    await bench.close();
  }
}

/**
 * The objects most like the examples of a question. Throws OBJECT_UNKNOWN, NOTHING_AT_POSITION, FILE_UNREADABLE and what
 * `Workbench.similar` throws.
 */
export async function similarObjects(folder: string, question: SimilarQuestion): Promise<SimilarAnswer[]> {
  const bench = await Workbench.open(folder);
  try {
    const { radius, count: k } = question;
    const model = question.model ?? modelOfSurvey(folder);
    const like = [
      ...question.like.map((id) => rowOf(bench, id)),
      ...question.position.map((text) => rowAt(bench, text, radius)),
    ];
    const unlike = question.unlike.map((id) => rowOf(bench, id));
    const found = await bench.similar(model, { like, unlike, pictures: question.picture.map(fileOf), k });
    const idOf = (row: number) => bench.survey.row(row).id;
    return found.map(({ row, similarity, duplicates }) => ({
      object: idOf(row),
      similarity,
      duplicates: duplicates.map(idOf),
    }));
  } finally {
    await bench.close();
  }
}

/** An unusual object by id. */
export interface UnusualAnswer {
  object: string;
  score: number;
  near: { object: string; similarity: number }[];
  far: FarNumber[];
}

/** How many unusual objects, by which features and seed; the name of their table, and a search that begins with them. */
export interface UnusualQuestion {
  model?: string;
  count: number;
  seed: number;
  name: string;
  session?: string;
  who: string;
  unlabelled?: Unlabelled;
}

/**
 * The most unusual objects. Their scores are kept as a table of the survey; with `session` a search of that target is
 * begun, without examples: it shows the unusual first. Throws FEATURES_MISSING and what keeping throws.
 */
export async function unusualObjects(
  folder: string,
  { model = modelOfSurvey(folder), count, seed, name, session, who, unlabelled }: UnusualQuestion,
): Promise<{ objects: UnusualAnswer[]; session: string | null }> {
  const bench = await Workbench.open(folder);
  try {
    const { survey } = bench;
    const found = await bench.unusual(model, count, seed);
    const { columns, values } = await bench.unusualness(model, seed);
    const about = {
      score: "mean rank of both, from 0 to 1 for the most unusual",
      isolation: "how soon random cuts leave it alone",
      distance: "to its 10th neighbour in features",
    } as Record<string, string>;
    savePredictions(folder, name, sourceOf(survey, { task: "outliers", head: "", model }), {
      columns: columns.map((column) => ({ name: column, about: about[column] })),
      values,
      offsets: null,
    });
    const idOf = (row: number) => survey.row(row).id;
    const objects = found.map(({ row, score, near, far }) => ({
      object: idOf(row),
      score,
      near: near.map((one) => ({ object: idOf(one.row), similarity: one.similarity })),
      far,
    }));
    if (session === undefined) return { objects, session: null };
    const wish = { target: session, who, seed, unlabelled };
    return { objects, session: await begin(bench, model, wish, { positive: [], negative: [] }) };
  } finally {
    await bench.close();
  }
}
