/**
 * Sends what a person did, in order, and keeps it until the server says that it is written. Every failure but a true
 * refusal is tried again, with growing pauses; every op has a key of its own, so that one that was written although
 * its answer got lost is not written twice. Sending, keeping and waiting are given, so that tests need no browser.
 */
import type { LabelValue, NewLabel, Saved } from "../../src/contract/api.ts";
import {
  acknowledge,
  add,
  type Change,
  type LabelOp,
  mark,
  NOTHING_PENDING,
  type Op,
  type Pending,
  redo,
  refuse,
  retryRefused,
  type StepOp,
  undo,
  unmark,
} from "./pending.ts";

/** Why nothing is written at the moment, in the server's words. */
export interface Trouble {
  code: string;
  message: string;
  /** Nobody answered at all. */
  offline: boolean;
}

/** What the queue needs to know of a failure; anything else counts as a server that is out of reach. */
export interface Failure extends Trouble {
  /** The answer's status; 0 without an answer. */
  status: number;
}

/** What a queue sends with, keeps with, waits with, and whom it tells; tests give their own. */
export interface QueueDoors {
  labels(who: string, labels: NewLabel[]): Promise<Saved>;
  step(kind: "undo" | "redo", who: string, clientKey: string): Promise<Saved>;
  failureOf(error: unknown): Failure;
  /** Keeps what is not written yet, beyond the life of the page. */
  keep(ops: readonly Op[]): void;
  /** Calls back after so many ms; returns how to give that up. */
  later(ms: number, then: () => void): () => void;
  onSaved(saved: Saved): void;
  onPending(pending: Pending, trouble: Trouble | null): void;
  /** True while something is on its way. */
  onSending?(sending: boolean): void;
}

/** The answers that mean: this can never be accepted. Everything else is tried again. */
const REFUSALS = new Set([
  "OBJECT_UNKNOWN",
  "SESSION_UNKNOWN",
  "SURVEY_UNKNOWN",
  "NOTHING_TO_SAVE",
  "BAD_REQUEST",
  "ROLE_MISSING",
]);
const REFUSED_STATUS = new Set([400, 403, 404, 413, 422]);
/** Whether the server will never take this, however often it is sent. */
const isRefusal = ({ code, status }: Failure): boolean => REFUSALS.has(code) && REFUSED_STATUS.has(status);
const NOTHING_LEFT = new Set(["NOTHING_TO_UNDO", "NOTHING_TO_REDO"]);

const AT_ONCE = 500;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1000, 10_000];

/** Sends labels to the server in order and keeps them in the browser until they are saved, also over a reload. */
export class LabelQueue {
  readonly #doors: QueueDoors;
  #pending: Pending = NOTHING_PENDING;
  #trouble: Trouble | null = null;
  #sending: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #atOnce = AT_ONCE;
  /** What can be undone and redone, as the server said last; null before it said anything. */
  #steps: { undo: boolean; redo: boolean } | null = null;

  constructor(doors: QueueDoors) {
    this.#doors = doors;
  }

  get pending(): Pending {
    return this.#pending;
  }

  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** Takes over what an earlier page left behind. */
  adopt(ops: readonly Op[]): void {
    if (ops.length === 0) return;
    const known = new Set(this.#pending.ops.map(({ clientKey }) => clientKey));
    const fresh = ops.filter(({ clientKey }) => !known.has(clientKey));
    this.#change({ ...this.#pending, ops: [...fresh, ...this.#pending.ops] });
    void this.flush();
  }

  /** What the server said can be undone. */
  know(steps: { undo: boolean; redo: boolean }): void {
    this.#steps = steps;
  }

  /** Queues what one action did; actions of the same name are undone together. */
  add(changes: readonly Change[], who: string, action: string, before: (object: string) => LabelValue | null): void {
    this.#change(add(this.#pending, changes, { who, action, before }));
    void this.flush();
  }

  step(kind: "undo" | "redo", who: string, clientKey: string): void {
    this.#change((kind === "undo" ? undo : redo)(this.#pending, who, clientKey));
    void this.flush();
  }

  retryRefused(): void {
    this.#change(retryRefused(this.#pending));
    void this.flush();
  }

  discardRefused(): void {
    this.#change({ ...this.#pending, refused: [] });
  }

  /** Sends what waits; resolves when the queue is empty, or when the server would not take it now. */
  flush(): Promise<void> {
    if (this.#sending !== null) return this.#sending;
    if (this.#pending.ops.length === 0) return Promise.resolve();
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#doors.onSending?.(true);
    this.#sending = this.#send().finally(() => {
      this.#sending = null;
      this.#doors.onSending?.(false);
    });
    return this.#sending;
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  async #send(): Promise<void> {
    for (let part = this.#next(); part.length > 0; part = this.#next()) {
      const [first] = part;
      if (first.op !== "label" && this.#steps?.[first.op] === false) {
        // Nothing is left to undo or redo: that is known without a question.
        this.#change(acknowledge(this.#pending, part));
        continue;
      }
      this.#change(mark(this.#pending, part));
      try {
        const saved = await (first.op === "label" ? this.#labels(part as LabelOp[]) : this.#step(first));
        this.#trouble = null;
        this.#pauseMs = FIRST_PAUSE_MS;
        this.#atOnce = AT_ONCE;
        this.#steps = { undo: saved.canUndo, redo: saved.canRedo };
        // First what is known, then what no longer waits: no mark may go out in between.
        this.#doors.onSaved(saved);
        this.#change(acknowledge(this.#pending, part));
      } catch (error) {
        if (!this.#failed(part, this.#doors.failureOf(error))) return;
      }
    }
  }

  /** Deals with a failure; false: stop for now. */
  #failed(part: readonly Op[], failure: Failure): boolean {
    const [first] = part;
    if (first.op !== "label" && NOTHING_LEFT.has(failure.code)) {
      this.#change(acknowledge(this.#pending, part));
      return true;
    }
    if (first.op === "label" && isRefusal(failure)) {
      // One label that is refused must not take the others with it: halves are sent until it stands alone.
      if (part.length > 1) this.#atOnce = Math.ceil(part.length / 2);
      else this.#change(refuse(this.#pending, first, failure));
      return true;
    }
    this.#trouble = { code: failure.code, message: failure.message, offline: failure.offline };
    // A server that says why has written nothing of this request. Without such an answer, or where its own database
    // is out of reach, it may have.
    const may = failure.offline || failure.code === "INTERNAL" || failure.code === "STORE_AWAY";
    this.#change(may ? this.#pending : unmark(this.#pending, part));
    this.#stopTimer = this.#doors.later(this.#pauseMs, () => void this.flush());
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
    return false;
  }

  /** What goes in the next request: labels of one person, or one step. */
  #next(): Op[] {
    const { ops } = this.#pending;
    const [first] = ops;
    if (first === undefined) return [];
    if (first.op !== "label") return [first];
    const end = ops.findIndex(({ op, who }) => op !== "label" || who !== first.who);
    return ops.slice(0, Math.min(this.#atOnce, end < 0 ? ops.length : end));
  }

  #labels(part: LabelOp[]): Promise<Saved> {
    return this.#doors.labels(
      part[0].who,
      part.map(({ op: _, who: __, sent: ___, ...label }) => label),
    );
  }

  #step({ op, who, clientKey }: StepOp): Promise<Saved> {
    return this.#doors.step(op, who, clientKey);
  }

  #change(pending: Pending): void {
    this.#pending = pending;
    this.#doors.keep([...pending.refused.map(({ op }) => op), ...pending.ops]);
    this.#doors.onPending(pending, pending.ops.length === 0 ? null : this.#trouble);
  }
}
