/** What the computing process can be asked, what it tells meanwhile, and what it answers: one line a kind of job. */
import type { Page } from "../contract/api.ts";
import type { Preview, Why } from "../contract/insight.ts";
import type { FarNumber } from "../contract/similar.ts";
import type { SimilarRow } from "../loop/similar.ts";
import type { FoundRow, UnusualRow } from "../loop/workbench.ts";
import type { MapMethod } from "../store/maps.ts";

/** What is told of a round while it is made. */
export type RoundNews =
  | { type: "page"; page: Page }
  | { type: "progress"; stage: "learn" | "score" | "choose"; done: number; total: number }
  | { type: "ranked"; round: number; seconds: number };

interface Job<Ask, Answer, News = never> {
  ask: Ask & { folder: string };
  news: News;
  answer: Answer;
}

/** Every job ends exactly once: with its answer, or with an error. All may be done again after a death. */
export interface Jobs {
  round: Job<{ session: string; round: number }, { round: number; assessed: boolean }, RoundNews>;
  neighbours: Job<{ model: string; row: number; k: number }, FoundRow[]>;
  far: Job<{ model: string; row: number }, FarNumber[]>;
  diverse: Job<{ model: string; count: number; seed: number }, FoundRow[]>;
  unusual: Job<{ model: string; count: number; seed: number }, UnusualRow[]>;
  similar: Job<{ model: string; like: number[]; unlike: number[]; pictures: Uint8Array[]; k: number }, SimilarRow[]>;
  why: Job<{ session: string; row: number }, Why>;
  preview: Job<{ session: string }, Preview>;
  map: Job<{ model: string; method: MapMethod }, null, { done: number; total: number }>;
  /** What a restoring or reconstructing head makes of an object: 8-bit colour [H, W, 3]. */
  improve: Job<{ head: string; row: number }, Uint8Array>;
  /** Reads features ahead, so that the first round does not wait for the disk. */
  warm: Job<{ model: string }, null>;
}

/** What can be asked for. */
export type Kind = keyof Jobs;

/** To the computing process. */
export type ToWorker =
  | { type: "job"; id: number; kind: Kind; ask: Jobs[Kind]["ask"] }
  /** Somebody clicks: background work rests. */
  | { type: "urgent" };

/** From the computing process. */
export type FromWorker =
  | { type: "news"; id: number; news: unknown }
  | { type: "done"; id: number; answer: unknown }
  | { type: "failed"; id: number; code: string; message: string };
