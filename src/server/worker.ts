/** The thread that computes: rounds, neighbours, diverse samples. It owns the engine; the thread that serves HTTP never waits for it. */
import { parentPort } from "node:worker_threads";
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { openFeatures } from "../batches/features.ts";
import type { Page } from "../contract/api.ts";
import { type FeatureSpace, featureSpace } from "../loop/learn.ts";
import { nextRound } from "../loop/round.ts";
import { openStore, type Store } from "../store/store.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { diverseRows, nearestRows } from "./similar.ts";

export type Job =
  | { kind: "round"; folder: string; model: string; session: string }
  | { kind: "neighbours"; folder: string; model: string; row: number; k: number }
  | { kind: "diverse"; folder: string; model: string; count: number; seed: number }
  /** Reads features ahead, so that the first round does not wait for the disk. */
  | { kind: "warm"; folder: string; model: string };

export type Answer =
  | { id: number; type: "page"; page: Page }
  | { id: number; type: "progress"; stage: "learn" | "score" | "choose"; done: number; total: number }
  | { id: number; type: "rows"; rows: { row: number; similarity: number }[] }
  | { id: number; type: "done"; seconds: number; round: number }
  | { id: number; type: "failed"; code: string; message: string };

interface Opened {
  survey: Survey;
  store: Store;
  ids: string[];
  spaces: Map<string, { space: FeatureSpace; weightsHash: string }>;
}

const opened = new Map<string, Promise<Opened>>();
const running = new Map<string, AbortController>();

function open(folder: string): Promise<Opened> {
  let entry = opened.get(folder);
  if (entry === undefined) {
    entry = openSurvey(folder).then((survey) => ({ survey, store: openStore(folder), ids: survey.rows.map(({ id }) => id), spaces: new Map() }));
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
  const { space, weightsHash } = spaceOf(here, job.model);
  if (job.kind === "warm") return say({ id, type: "rows", rows: [] });
  if (job.kind === "neighbours") return say({ id, type: "rows", rows: nearestRows(space, job.row, job.k) });
  if (job.kind === "diverse") return say({ id, type: "rows", rows: diverseRows(space, job.count, new Random(job.seed)) });
  const record = here.store.session(job.session);
  if (record !== undefined && record.weightsHash !== weightsHash)
    throw new SkyloopError(
      "OTHER_WEIGHTS",
      `session ${job.session} was started on features of other weights of ${job.model}; embed with those, or start a new session`,
    );
  running.get(job.session)?.abort();
  const control = new AbortController();
  running.set(job.session, control);
  const { page, seconds } = await nextRound({
    store: here.store,
    folder: here.survey.folder,
    session: job.session,
    ids: here.ids,
    indexOf: here.survey.indexOf,
    space,
    weightsHash,
    signal: control.signal,
    onPage: (shown) => say({ id, type: "page", page: shown }),
    onProgress: (stage, done, total) => say({ id, type: "progress", stage, done, total }),
  });
  say({ id, type: "done", seconds, round: page.round });
}

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
