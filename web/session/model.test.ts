import { describe, expect, it } from "vitest";
import type {
  LabelState,
  Page,
  RoundSummary,
  Saved,
  SessionEvent,
  SessionState,
  StreamMessage,
} from "../../src/contract/api.ts";
import { type Event, type Model, needsState, reduce, UNOPENED } from "./model.ts";
import { add, NOTHING_PENDING } from "./pending.ts";

const free = () => false;
const page = (round: number, objects: string, provisional = false): Page => ({
  round,
  provisional,
  exhausted: false,
  picks: Array.from(objects, (object) => ({ object, score: 0.5, reason: "highest" })),
});
const label = (value: LabelState["value"]): LabelState => ({
  value,
  tags: [],
  who: "me",
  at: "",
  round: 1,
  reason: null,
});
const line = (round: number): RoundSummary => ({
  round,
  alpha: 0.5,
  mode: "highest",
  shown: 4,
  positives: 0,
  negatives: 0,
  unsure: 0,
  randomShown: 0,
  randomPositives: 0,
  precision: null,
  precisionLow: null,
  precisionHigh: null,
});
const stateOf = (more: Partial<SessionState> = {}): SessionState => ({
  session: "s",
  survey: "small",
  model: "toy",
  target: "rings",
  alpha: 0.5,
  pageSize: 4,
  randomPicks: 0,
  seed: 1,
  createdAt: "",
  createdBy: "me",
  round: 1,
  positives: 0,
  negatives: 0,
  unsure: 0,
  status: "active",
  labels: {},
  boxes: {},
  conflicts: [],
  page: page(1, "abcd"),
  rounds: [line(1)],
  canUndo: false,
  canRedo: false,
  lastSeq: 10,
  ranked: false,
  ...more,
});
const event = (seq: number, clientKey: string | null): SessionEvent => ({
  seq,
  at: "",
  who: "me",
  round: 1,
  kind: "label",
  object: "a",
  value: "positive",
  reason: null,
  clientKey,
});
const savedOf = (more: Partial<Saved> = {}): Saved => ({
  events: [],
  labels: { a: label("positive") },
  boxes: {},
  conflicts: [],
  rounds: [],
  canUndo: true,
  canRedo: false,
  lastSeq: 11,
  ...more,
});
const played = (...events: Event[]): Model => events.reduce(reduce, UNOPENED);
const opened = (more?: Partial<SessionState>): Event => ({ type: "opened", state: stateOf(more), inHand: free });
const heard = (message: StreamMessage): Event => ({ type: "heard", message, inHand: free });
const objects = (model: Model) => model.page?.picks.map(({ object }) => object).join("");

describe("what starts a request", () => {
  const model = played(opened());
  const events = (...all: SessionEvent[]): StreamMessage => ({ type: "events", events: all });
  it("is what others did, and nothing else", () => {
    expect(needsState(model, events(event(11, "other.0/0 label")), "mine")).toBe(true);
    expect(needsState(model, events(event(11, null)), "mine")).toBe(true);
    expect(needsState(model, events(event(11, "mine.0/0 label"), event(12, "other.0/0 label")), "mine")).toBe(true);
  });
  it("is not the echo of this page's own labels, undo and redo", () => {
    expect(needsState(model, events(event(11, "mine.0/0 label"), event(12, "mine.1")), "mine")).toBe(false);
  });
  it("is not what a whole state has told already", () => {
    expect(needsState(model, events(event(10, null)), "mine")).toBe(false);
  });
  it("is no news of a round: page, ranking and assessment carry all that changes", () => {
    const messages: StreamMessage[] = [
      { type: "page", page: page(2, "efgh") },
      { type: "ranked", round: 2, total: 9, seconds: 1 },
      { type: "assessed", round: 2 },
      { type: "progress", stage: "score", done: 1, total: 9 },
    ];
    expect(messages.map((message) => needsState(model, message, "mine"))).toEqual([false, false, false, false]);
  });
});

describe("labels", () => {
  it("that are acknowledged stand with their counts, rounds and opinions", () => {
    const conflicts = [{ object: "a", opinions: [] }];
    const { state } = played(opened(), { type: "saved", saved: savedOf({ conflicts }) });
    expect(state).toMatchObject({
      positives: 1,
      canUndo: true,
      lastSeq: 11,
      conflicts,
      labels: { a: label("positive") },
      boxes: {},
    });
    const cleared = played(opened({ labels: { a: label("positive") } }), {
      type: "saved",
      saved: savedOf({ labels: { a: label(null) } }),
    });
    expect(cleared.state?.labels).toEqual({});
  });
  it("of an answer that comes late do not take back what a newer one said of undo", () => {
    const model = played(
      opened(),
      { type: "saved", saved: savedOf({ lastSeq: 13, canRedo: true }) },
      { type: "saved", saved: savedOf({ lastSeq: 12, canRedo: false, labels: { b: label("negative") } }) },
    );
    expect(model.state).toMatchObject({ canRedo: true, lastSeq: 13, positives: 1, negatives: 1 });
  });
});

describe("a page", () => {
  it("of a round that somebody else began does not take this one away, until the person asks for it", () => {
    const model = played(opened(), heard({ type: "page", page: page(2, "efgh") }));
    expect([objects(model), model.ahead]).toEqual(["abcd", 2]);
    // An answer that was on its way when the round began.
    const late = reduce(model, opened());
    expect([objects(late), late.ahead]).toEqual(["abcd", 2]);
    const gone = [{ type: "round asked" }, { type: "round came", page: page(2, "efgh"), inHand: free }] as Event[];
    const next = gone.reduce(reduce, model);
    expect([objects(next), next.ahead, next.going, next.work]).toEqual(["efgh", null, false, null]);
    expect(next.state?.rounds.at(-1)).toMatchObject({ round: 2, mode: "highest", shown: 4, positives: 0 });
  });
  it("that arrives by stream and by answer is one page, with one line in the table", () => {
    const next = played(opened(), { type: "round asked" }, heard({ type: "page", page: page(2, "efgh") }), {
      type: "round came",
      page: page(2, "efgh"),
      inHand: free,
    });
    expect([objects(next), next.state?.round, next.state?.rounds.length]).toEqual(["efgh", 2, 2]);
  });
  it("that is refined leaves what waits to be saved, what is labelled and what is in hand in its place", () => {
    const pending = add(NOTHING_PENDING, [{ object: "c", value: "positive" }], {
      who: "me",
      action: "x",
      before: () => null,
    });
    const model = [
      { type: "pending", pending, trouble: null },
      { type: "saved", saved: savedOf() },
      {
        type: "heard",
        message: { type: "page", page: page(1, "hgfedcba") },
        inHand: (object: string) => object === "d",
      },
    ] as Event[];
    const before = played(opened({ page: page(1, "abcd", true) }));
    expect(objects(model.reduce(reduce, before))).toMatch(/^a.cd/);
  });
  it("is kept where the next round fails, with the reason", () => {
    const model = played(opened(), { type: "round asked" }, { type: "round failed", message: "no space" });
    expect([objects(model), model.going, model.notice, model.work]).toEqual(["abcd", false, "no space", null]);
  });
});

it("what is learned is asked for again when the stream opens: it may have come while nobody listened", () => {
  const model = played(opened(), { type: "connected", connected: false });
  expect(model).toMatchObject({ connected: false, learned: 0 });
  expect(reduce(model, { type: "connected", connected: true })).toMatchObject({ connected: true, learned: 1 });
});

it("work ends with the ranking, and whoever shows what is learned hears of it", () => {
  const busy = played(opened(), heard({ type: "progress", stage: "score", done: 1, total: 9 }));
  expect(busy.work).toEqual({ stage: "score", done: 1, total: 9 });
  const done = [heard({ type: "ranked", round: 1, total: 9, seconds: 1 }), heard({ type: "assessed", round: 1 })];
  expect(done.reduce(reduce, busy)).toMatchObject({ work: null, learned: 2, state: { ranked: true } });
});
