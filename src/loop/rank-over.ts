/**
 * What a session has learned, applied to another survey, however large: features are read block by block, of the whole set
 * or of its parts, and only the best objects are kept.
 */
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { descendingOrder, kthGreatest } from "../base/order.ts";
import type { Progress } from "../base/progress.ts";
import { streamFeatures } from "../store/feature-shards.ts";
import { OBJECT_COLUMNS, type TableFormat, writeTable } from "../survey/catalogue.ts";
import { readParquetRows } from "../survey/duck.ts";
import { readSurveyHeader } from "../survey/folder.ts";
import { fold } from "./fold.ts";
import type { Learner } from "./learn.ts";
import { planRound, rankerOf } from "./round.ts";
import { findSession } from "./session.ts";
import type { Workbench } from "./workbench.ts";

/** Rows that are scored at a time. */
const SCORED_ROWS = 4096;

/** The best of very many scores: rows and scores, the best first; ties go by row. */
export interface TopRows {
  rows: Uint32Array;
  scores: Float32Array;
}

/** Gathers the `most` greatest of scores that come one block after another, in memory for a few times as many. */
export function topRows(most: number): { add(scores: Float32Array, from: number): void; best(): TopRows } {
  const room = 4 * most + SCORED_ROWS;
  const [rows, scores] = [new Uint32Array(room), new Float32Array(room)];
  let held = 0;
  let least = Number.NEGATIVE_INFINITY;
  /** Leaves the best `most`; of those that are equal to the least the first. */
  const clear = () => {
    if (held <= most) return;
    least = kthGreatest(scores.subarray(0, held), most);
    let equal = most;
    for (let i = 0; i < held; i++) if (scores[i] > least) equal--;
    let kept = 0;
    for (let i = 0; i < held; i++) {
      if (scores[i] < least || (scores[i] === least && equal-- <= 0)) continue;
      rows[kept] = rows[i];
      scores[kept++] = scores[i];
    }
    held = kept;
  };
  return {
    add(block, from) {
      for (let i = 0; i < block.length; i++) {
        // What comes later and is only equal has no place any more.
        if (held >= most && block[i] <= least) continue;
        if (held === room) clear();
        rows[held] = from + i;
        scores[held++] = block[i];
      }
    },
    best() {
      clear();
      const order = descendingOrder(scores.slice(0, held));
      return { rows: Uint32Array.from(order, (i) => rows[i]), scores: Float32Array.from(order, (i) => scores[i]) };
    },
  };
}

/** Where a ranking over a survey goes. */
export interface RankOverOptions {
  /** Survey folder with features of the session's model, whole or in parts. */
  over: string;
  top: number;
  out: string;
  format: TableFormat;
  progress: Progress;
}

/** Counts of a ranking over a survey: objects, files of features, rows of the catalogue that was written. */
export interface RankedOver {
  objects: number;
  parts: number;
  written: number;
  /** Score of the first and of the last that was written. */
  best: number;
  least: number;
  /** Objects with a score of at least 0.5, 0.9, 0.99. */
  above: [score: number, objects: number][];
}

const LEVELS = [0.5, 0.9, 0.99];

/**
 * Learns from a session's labels as they are now, scores every object of a survey, and writes the best as a catalogue:
 * rank, id, ra, dec, score. Throws SESSION_UNKNOWN, ONE_CLASS_LABELLED, OTHER_WEIGHTS and what reading features throws.
 */
export async function rankOver(bench: Workbench, session: string, options: RankOverOptions): Promise<RankedOver> {
  const { over, top, out, format, progress } = options;
  const record = await findSession(bench.store, session);
  const header = readSurveyHeader(over);
  const { space } = await bench.features(record.model);
  const stream = streamFeatures(over, record.model);
  if (stream.weightsHash !== record.weightsHash || stream.dim !== space.dim)
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `session ${session} learns from features of ${record.model} with weights ${record.weightsHash.slice(0, 12)}, ${over} has them with ${stream.weightsHash.slice(0, 12)}; embed it with the same`,
    );
  if (stream.count !== header.count)
    throw new SkyloopError(
      "FEATURES_BROKEN",
      `${over} has ${header.count} objects, and features of ${stream.count}; run \`skyloop embed ${over}\` again`,
    );
  const folded = fold(await bench.store.events(session), record.alpha);
  const rounds = await bench.store.rounds(session);
  const plan = planRound(record, folded, rounds, bench.survey.count, bench.survey.indexOf);
  if (!plan.examples.some(({ positive }) => positive))
    throw new SkyloopError(
      "ONE_CLASS_LABELLED",
      `session ${session} has no positive label yet, so that there is nothing to rank by; label some objects first`,
    );
  const learner = rankerOf(space, plan);
  const best = topRows(Math.min(top, stream.count));
  const above = LEVELS.map((level): [number, number] => [level, 0]);
  try {
    scoreStream(learner, stream, (scores, from) => {
      best.add(scores, from);
      for (const level of above) for (const score of scores) if (score >= level[0]) level[1]++;
      progress.update(from + scores.length, stream.count);
    });
  } finally {
    learner.dispose();
    progress.end();
  }
  const { rows, scores } = best.best();
  const about = await readParquetRows(join(over, "catalogue.parquet"), [...rows], ["id", "ra", "dec"]);
  await writeTable(
    out,
    format,
    [
      { name: "rank", type: "integer", description: "place by score, from 1", ucd: "meta.number" },
      ...OBJECT_COLUMNS,
      { name: "score", type: "number", description: "of the session's learner, 0 to 1", ucd: "stat.probability" },
    ],
    {
      length: rows.length,
      at: (place) => {
        const [id, ra, dec] = about[place];
        return { rank: place + 1, id, ra, dec, score: scores[place] };
      },
    },
    {
      description: `The best ${rows.length} of ${stream.count} objects of ${header.title} in the search for ${record.target}`,
      infos: { creator: "Skyloop", session, target: record.target, model: record.model, data_hash: header.dataHash },
    },
  );
  const ends = { best: scores[0] ?? Number.NaN, least: scores[scores.length - 1] ?? Number.NaN };
  return { objects: stream.count, parts: stream.parts, written: rows.length, ...ends, above };
}

/** Scores a stream of features, some thousand rows at a time; `each` gets scores and the row that they begin at. */
function scoreStream(
  learner: Learner,
  { dim, blocks }: { dim: number; blocks(): Generator<Float32Array> },
  each: (scores: Float32Array, from: number) => void,
): void {
  const buffer = new Float32Array(SCORED_ROWS * dim);
  let [held, from] = [0, 0];
  const flush = () => {
    if (held === 0) return;
    const scores = learner.scoreBlock(buffer.subarray(0, held));
    each(scores, from);
    from += scores.length;
    held = 0;
  };
  for (const block of blocks())
    for (let at = 0; at < block.length; ) {
      const taken = Math.min(block.length - at, buffer.length - held);
      buffer.set(block.subarray(at, at + taken), held);
      held += taken;
      at += taken;
      if (held === buffer.length) flush();
    }
  flush();
}
