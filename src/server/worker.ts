/**
 * The thread that computes: rounds and what they tell, neighbours, diverse samples, reasons, maps. It owns the engine;
 * the thread that serves HTTP never waits for it.
 */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import { Urgency } from "../base/give-way.ts";
import { Random } from "../base/random.ts";
import type { Page } from "../contract/api.ts";
import type { Preview, Why } from "../contract/insight.ts";
import { assess, readAssessments, saveAssessment } from "../loop/assess.ts";
import { choose } from "../loop/choose.ts";
import { fold } from "../loop/fold.ts";
import { type FeatureSpace, featureSpace, learn } from "../loop/learn.ts";
import { type MapMethod, makeMap } from "../loop/map.ts";
import { planOf } from "../loop/replay.ts";
import { nextRound, planRound } from "../loop/round.ts";
import { countRound, currentRound, findSession } from "../loop/session.ts";
import { diverseRows, nearestRows } from "../loop/similar.ts";
import { HOW, heatMap, influences } from "../loop/why.ts";
import { openFeatures } from "../store/features.ts";
import { readScores, scoredRound } from "../store/scores.ts";
import { openStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { type ImageModel, loadImageModel } from "../tasks/images/model.ts";
import { improvedRgb8 } from "../tasks/images/predict.ts";

/** What the computing thread can be asked. */
export type Job =
  | { kind: "round"; folder: string; model: string; session: string }
  | { kind: "neighbours"; folder: string; model: string; row: number; k: number }
  | { kind: "diverse"; folder: string; model: string; count: number; seed: number }
  | { kind: "why"; folder: string; model: string; session: string; row: number }
  | { kind: "preview"; folder: string; model: string; session: string }
  | { kind: "map"; folder: string; model: string; method: MapMethod }
  /** What a restoring or reconstructing head makes of an object. */
  | { kind: "improve"; folder: string; head: string; row: number }
  /** Reads features ahead, so that the first round does not wait for the disk. */
  | { kind: "warm"; folder: string; model: string };

/** What the computing thread answers; `id` is that of the job. */
export type Answer =
  | { id: number; type: "page"; page: Page }
  | { id: number; type: "progress"; stage: "learn" | "score" | "choose" | "map"; done: number; total: number }
  | { id: number; type: "rows"; rows: { row: number; similarity: number }[] }
  | { id: number; type: "done"; seconds: number; round: number }
  /** After `done`: the round has been assessed. */
  | { id: number; type: "assessed"; round: number }
  | { id: number; type: "why"; why: Why }
  | { id: number; type: "preview"; preview: Preview }
  /** 8-bit colour [H, W, 3]. */
  | { id: number; type: "improved"; pixels: Uint8Array }
  | { id: number; type: "failed"; code: string; message: string };

interface Opened {
  survey: Survey;
  store: Store;
  ids: string[];
  spaces: Map<string, { space: FeatureSpace; weightsHash: string }>;
}

const opened = new Map<string, Promise<Opened>>();
const imageModels = new Map<string, ImageModel>();
const running = new Map<string, AbortController>();
const urgency = new Urgency(workerData as SharedArrayBuffer);
/** A ranking and its assessment wait in all so long for labels and pictures. */
const MOST_REST_MS = 3000;

function open(folder: string): Promise<Opened> {
  let entry = opened.get(folder);
  if (entry === undefined) {
    entry = openSurvey(folder).then(async (survey) => ({
      survey,
      store: await openStore(folder),
      ids: survey.rows.map(({ id }) => id),
      spaces: new Map(),
    }));
    opened.set(folder, entry);
  }
  return entry;
}

function spaceOf({ survey, spaces }: Opened, model: string) {
  let known = spaces.get(model);
  if (known === undefined) {
    const features = openFeatures(survey.folder, model);
    known = { space: featureSpace(features.matrix(), features.dim), weightsHash: features.weightsHash };
    features.close();
    spaces.set(model, known);
  }
  return known;
}

async function run(id: number, job: Job): Promise<void> {
  const say = (answer: Answer) => parentPort?.postMessage(answer);
  const here = await open(job.folder);
  if (job.kind === "improve") {
    const model = imageModels.get(job.head) ?? loadImageModel(job.head);
    imageModels.set(job.head, model);
    return say({ id, type: "improved", pixels: improvedRgb8(model, await here.survey.readStamp(job.row)) });
  }
  const { space, weightsHash } = spaceOf(here, job.model);
  if (job.kind === "warm") return say({ id, type: "rows", rows: [] });
  if (job.kind === "neighbours") return say({ id, type: "rows", rows: nearestRows(space, job.row, job.k) });
  if (job.kind === "diverse")
    return say({ id, type: "rows", rows: diverseRows(space, job.count, new Random(job.seed)) });
  if (job.kind === "map") {
    await makeMap(job.folder, job.model, job.method, weightsHash, space, (done, total) =>
      say({ id, type: "progress", stage: "map", done, total }),
    );
    return say({ id, type: "rows", rows: [] });
  }
  if (job.kind === "preview") return say({ id, type: "preview", preview: await preview(here, space, job) });
  if (job.kind === "why") return say({ id, type: "why", why: await explain(here, space, weightsHash, job) });
  const record = await here.store.session(job.session);
  if (record !== undefined && record.weightsHash !== weightsHash)
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `session ${job.session} was started on features of other weights of ${job.model}; embed with those, or start a new session`,
    );
  running.get(job.session)?.abort();
  const control = new AbortController();
  running.set(job.session, control);
  const rest = urgency.rests(MOST_REST_MS);
  const { page, seconds } = await nextRound({
    store: here.store,
    folder: here.survey.folder,
    session: job.session,
    ids: here.ids,
    indexOf: here.survey.indexOf,
    space,
    weightsHash,
    signal: control.signal,
    rest,
    onPage: (shown) => say({ id, type: "page", page: shown }),
    onProgress: (stage, done, total) => say({ id, type: "progress", stage, done, total }),
  });
  say({ id, type: "done", seconds, round: page.round });
  const scores = readScores(job.folder, job.session, here.ids.length);
  const given = () => say({ id, type: "rows", rows: [] });
  if (scores === null) return given();
  const { plan, shown } = await planOf(here.store, here.survey, job.session, page.round);
  const assessment = await assess({
    round: page.round,
    space,
    scores,
    answered: plan.examples.map((example) => ({ ...example, shown: shown.get(here.ids[example.row]) ?? "own" })),
    seed: plan.seed,
    previousTop: readAssessments(job.folder, job.session).findLast(({ round }) => round < page.round)?.top ?? null,
    signal: control.signal,
    rest,
  });
  if (assessment === null) return given();
  saveAssessment(job.folder, job.session, assessment);
  say({ id, type: "assessed", round: page.round });
}

const PREVIEWED = 8;

/** What either side of the alpha rule would show next, by the last ranking. Throws NOT_RANKED. */
async function preview(
  { store, survey, ids }: Opened,
  space: FeatureSpace,
  { folder, session }: Extract<Job, { kind: "preview" }>,
): Promise<Preview> {
  const scores = readScores(folder, session, ids.length);
  if (scores === null)
    throw new SkyloopError(
      "NOT_RANKED",
      "there is nothing to preview before the first round: nothing has been learned yet",
    );
  const record = await findSession(store, session);
  const rounds = await store.rounds(session);
  const folded = fold(await store.events(session), record.alpha);
  const { candidates, seed, examples } = planRound(record, folded, rounds, ids.length, survey.indexOf);
  const round = currentRound(rounds);
  const first = (mode: "highest" | "lower") =>
    choose({ scores, candidates, mode, examples, pageSize: PREVIEWED, randomPicks: 0, seed, space }).page.map(
      ({ row }) => ids[row],
    );
  const { positives, negatives } = countRound(folded, round);
  return { round, positives, negatives, highest: first("highest"), lower: first("lower") };
}

/** The reasons for an object's score in a session's last ranking. */
async function explain(
  here: Opened,
  space: FeatureSpace,
  weightsHash: string,
  { folder, model, session, row }: Extract<Job, { kind: "why" }>,
): Promise<Why> {
  const round = scoredRound(folder, session);
  if (round === 0)
    throw new SkyloopError("NOT_RANKED", "there are no reasons before the first round: nothing has been learned yet");
  const { plan } = await planOf(here.store, here.survey, session, round);
  const learner = learn(space, plan.examples, plan.seed);
  try {
    const examples = influences(learner, plan.examples, row)
      .slice(0, 12)
      .map(({ row: at, positive, influence }) => ({
        object: here.ids[at],
        label: positive ? ("positive" as const) : ("negative" as const),
        influence,
      }));
    let heat: Why["heat"] = null;
    try {
      heat = await heatMap(here.survey, row, learner, model, weightsHash);
    } catch (error) {
      // Features of weights that are not here can be ranked all the same.
      if (
        !(error instanceof SkyloopError && ["WEIGHTS_MISSING", "UNKNOWN_MODEL", "OTHER_WEIGHTS"].includes(error.code))
      )
        throw error;
    }
    return { score: learner.scoreRows([row])[0], examples, heat, how: HOW };
  } finally {
    learner.dispose();
  }
}

/**
 * Clicks come first: this thread, and those that the engine starts from it, give way to the one that serves HTTP and to
 * the browser. Linux keeps a priority for each thread; where there is no /proc nothing is changed.
 */
function giveWay(): void {
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), 10);
  } catch {
    // Computing as urgently as serving is slower, not wrong.
  }
}

giveWay();
parentPort?.on("message", ({ id, job }: { id: number; job: Job }) => {
  run(id, job).catch((error: unknown) =>
    parentPort?.postMessage({
      id,
      type: "failed",
      code: error instanceof SkyloopError ? error.code : (codeOf(error) ?? "INTERNAL"),
      message: messageOf(error),
    } satisfies Answer),
  );
});
