/**
 * A session as the page knows it: a reducer. Events go in (answers, live messages, what the queue does, what the person
 * asks for), the next state comes out; no request, no timer, no browser. `needsState` tells when the whole state has to
 * be asked for again: never because of what this page did itself.
 */
import type { Page, RoundSummary, Saved, SessionState, StreamMessage } from "../../src/contract/api.ts";
import type { Trouble } from "./label-queue.ts";
import { mergePage } from "./merge-page.ts";
import { NOTHING_PENDING, type Overlay, overlayOf, type Pending } from "./pending.ts";

/** What the server is doing for this session. */
export interface Work {
  stage: "learn" | "score" | "choose";
  done: number;
  total: number;
}

/** All that the page shows of a session, and nothing else. */
export interface Model {
  /** The server's state; null before its first answer. */
  state: SessionState | null;
  page: Page | null;
  /** Why the session could not be opened. */
  failure: string | null;
  pending: Pending;
  overlay: Overlay;
  trouble: Trouble | null;
  /** Whether live messages arrive. */
  connected: boolean;
  work: Work | null;
  notice: string | null;
  /** A later round that somebody else has begun. */
  ahead: number | null;
  /** Grows whenever a ranking or its assessment arrives, or may have arrived. */
  learned: number;
  /** The person has asked for a round that is not here yet. */
  going: boolean;
  /** The last event that any answer knew of: of two answers the one that knows more counts, whichever comes last. */
  lastSeq: number;
  /** Every event up to this one is in `state`. */
  wholeSeq: number;
}

/** The state before the server's first answer. */
export const UNOPENED: Model = {
  state: null,
  page: null,
  failure: null,
  pending: NOTHING_PENDING,
  overlay: overlayOf([]),
  trouble: null,
  connected: true,
  work: null,
  notice: null,
  ahead: null,
  learned: 0,
  going: false,
  lastSeq: 0,
  wholeSeq: 0,
};

/** Whether a person is about to act on an object: it must not move. */
type InHand = (object: string) => boolean;

/** Everything that can change what the page shows of a session. */
export type Event =
  | { type: "opened"; state: SessionState; inHand: InHand }
  | { type: "not opened"; message: string }
  | { type: "saved"; saved: Saved }
  | { type: "heard"; message: StreamMessage; inHand: InHand }
  | { type: "pending"; pending: Pending; trouble: Trouble | null }
  | { type: "connected"; connected: boolean }
  | { type: "round asked" }
  | { type: "round came"; page: Page; inHand: InHand }
  | { type: "round failed"; message: string }
  | { type: "notice"; message: string | null };

/** The state after an event. Pure: the same state and event give the same result. */
export function reduce(model: Model, event: Event): Model {
  switch (event.type) {
    case "opened":
      return opened(model, event.state, event.inHand);
    case "not opened":
      return { ...model, failure: event.message };
    case "saved":
      return saved(model, event.saved);
    case "heard":
      return heard(model, event.message, event.inHand);
    case "pending":
      return { ...model, pending: event.pending, overlay: overlayOf(event.pending.ops), trouble: event.trouble };
    case "connected":
      // A ranking or an assessment may have come while nobody listened.
      return { ...model, connected: event.connected, learned: model.learned + (event.connected ? 1 : 0) };
    case "round asked":
      return { ...model, going: true, work: { stage: "learn", done: 0, total: 1 } };
    case "round came":
      return { ...show(withoutLearning(model), event.page, event.inHand), going: false };
    case "round failed":
      return { ...withoutLearning(model), going: false, notice: event.message };
    case "notice":
      return { ...model, notice: event.message };
  }
}

/**
 * Whether a live message tells of something that only the whole state has: what other people did. The echo of what this
 * page did (its keys begin with `ownKeys`) and what a whole state has told already start no request.
 */
export function needsState(model: Model, message: StreamMessage, ownKeys: string): boolean {
  return (
    message.type === "events" &&
    message.events.some(({ clientKey, seq }) => clientKey?.startsWith(ownKeys) !== true && seq > model.wholeSeq)
  );
}

const withoutLearning = (model: Model): Model => ({
  ...model,
  work: model.work?.stage === "learn" ? null : model.work,
});

function opened(model: Model, state: SessionState, inHand: InHand): Model {
  const next: Model = { ...model, state, failure: null, lastSeq: state.lastSeq, wholeSeq: state.lastSeq };
  return state.page === null ? next : show(next, state.page, inHand);
}

function saved(model: Model, { lastSeq, labels, boxes, rounds, conflicts, canUndo, canRedo }: Saved): Model {
  const { state } = model;
  if (state === null) return model;
  const merged = { ...state.labels, ...labels };
  for (const [object, { value, tags }] of Object.entries(labels))
    if (value === null && tags.length === 0) delete merged[object];
  const values = Object.values(merged).map(({ value }) => value);
  const count = (wanted: string) => values.filter((value) => value === wanted).length;
  const newest = lastSeq >= model.lastSeq;
  return {
    ...model,
    lastSeq: Math.max(model.lastSeq, lastSeq),
    state: {
      ...state,
      ...(newest ? { canUndo, canRedo, boxes, rounds, conflicts, lastSeq } : {}),
      labels: merged,
      positives: count("positive"),
      negatives: count("negative"),
      unsure: count("unsure"),
    },
  };
}

function heard(model: Model, message: StreamMessage, inHand: InHand): Model {
  switch (message.type) {
    case "progress": {
      const { stage, done, total } = message;
      return { ...model, work: stage === "score" && done >= total ? null : { stage, done, total } };
    }
    case "page":
      return show(model, message.page, inHand);
    case "ranked":
      return {
        ...model,
        work: null,
        learned: model.learned + 1,
        state: model.state === null ? null : { ...model.state, ranked: true },
      };
    case "assessed":
      return { ...model, learned: model.learned + 1 };
    case "failed":
      return { ...model, work: null, notice: message.message };
    case "events":
      return model;
  }
}

/** Shows a page, unless it is a round that somebody else began: that does not take this one away. */
function show(model: Model, fresh: Page, inHand: InHand): Model {
  const shown = model.page;
  if (shown !== null && fresh.round > shown.round && !model.going) return { ...model, ahead: fresh.round };
  const held = (object: string) =>
    model.state?.labels[object]?.value != null || model.overlay.values.get(object) != null || inHand(object);
  // An answer that was on its way when the round began does not know of it.
  const ahead = model.ahead !== null && fresh.round < model.ahead ? model.ahead : null;
  return { ...model, ahead, page: mergePage(shown, fresh, held), state: withRound(model.state, fresh) };
}

/** The state with a line for a round that it does not know yet. */
function withRound(state: SessionState | null, page: Page): SessionState | null {
  if (state === null || page.round <= (state.rounds.at(-1)?.round ?? 0)) return state;
  const shows = (wanted: string) => page.picks.some(({ reason }) => reason === wanted);
  const line: RoundSummary = {
    round: page.round,
    alpha: state.alpha,
    mode: !shows("lower") ? "highest" : shows("highest") ? "mixed" : "lower",
    shown: page.picks.length,
    positives: 0,
    negatives: 0,
    unsure: 0,
    randomShown: 0,
    randomPositives: 0,
    precision: null,
    precisionLow: null,
    precisionHigh: null,
  };
  return { ...state, round: page.round, page, rounds: [...state.rounds, line] };
}
