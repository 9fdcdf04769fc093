/**
 * From a session's events to its state: a pure function, so that every reader of the same events sees the same session.
 */
import type { LabelState, LabelValue, SessionEvent, SessionStatus } from "../contract/api.ts";
import { DrawnBox } from "../contract/fields.ts";

/** One person's standing opinion of one object. */
interface Opinion {
  value: LabelValue | null;
  tags: string[];
  at: string;
  seq: number;
  round: number;
  reason: SessionEvent["reason"];
}

/** One person's standing label of an object. */
export interface HeldLabel {
  who: string;
  value: LabelValue;
  at: string;
  round: number;
  reason: SessionEvent["reason"];
}

/** The state of a session: what all its events so far come to. */
export interface FoldedSession {
  /** By object; the latest standing opinion of anybody counts. Cleared objects without tags are not in it. */
  labels: Record<string, LabelState>;
  /** Objects that people drew, by their ids. */
  boxes: Record<string, DrawnBox>;
  conflicts: { object: string; opinions: { who: string; value: LabelValue }[] }[];
  /** By object: what each person says of it now. Objects that nobody labels are not in it. */
  answers: ReadonlyMap<string, readonly HeldLabel[]>;
  alpha: number;
  /** The name that somebody gave it later, and whether it is listed. */
  name: string | null;
  status: SessionStatus;
  lastSeq: number;
  /** The event that each person's next undo or redo concerns. */
  undoable: Map<string, number>;
  redoable: Map<string, number>;
}

/**
 * The action that an event is a part of (one stroke over twenty objects is one action), or null for an event of its
 * own.
 */
export function actionOf({ clientKey }: SessionEvent): string | null {
  const end = clientKey?.indexOf("/") ?? -1;
  return end < 0 ? null : (clientKey as string).slice(0, end);
}

/** One person's actions: those in force, and those taken back that may come again. Both hold numbers of events. */
interface Steps {
  done: number[];
  undone: number[];
}

/**
 * Folds a session's events as they come: what is new costs what is new, however long the session is. The objects that
 * `state` returns are the fold's own and change with the next `push`.
 */
export class SessionFold {
  readonly #alpha: number;
  readonly #events = new Map<number, SessionEvent>();
  readonly #people = new Map<string, Steps>();
  /** Events that were taken back. */
  readonly #out = new Set<number>();
  /** Numbers of an object's events, in order. */
  readonly #ofObject = new Map<string, number[]>();
  readonly #alphas: number[] = [];
  #name: string | null = null;
  #status: SessionStatus = "active";
  // Without a prototype: an object may be called `constructor`.
  readonly #labels: Record<string, LabelState> = Object.create(null);
  readonly #boxes: Record<string, DrawnBox> = Object.create(null);
  readonly #answers = new Map<string, HeldLabel[]>();
  readonly #conflicts = new Map<string, FoldedSession["conflicts"][number]>();
  #lastSeq = 0;

  /** `alpha` is the session's first. */
  constructor(alpha: number) {
    this.#alpha = alpha;
  }

  /** Number of the last event folded; 0 before the first. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Takes the next events, in order of `seq`. */
  push(events: readonly SessionEvent[]): this {
    const changed = new Set<string>();
    for (const event of events) {
      const { seq, kind, who, object, value } = event;
      this.#lastSeq = seq;
      if (kind === "name" || kind === "status") {
        // Of the session as a whole: undo of a label must not bring a deleted session back.
        if (kind === "name") this.#name = value;
        else this.#status = value as SessionStatus;
        continue;
      }
      const steps = this.#people.get(who) ?? { done: [], undone: [] };
      this.#people.set(who, steps);
      if (kind === "undo" || kind === "redo") {
        const [from, to] = kind === "undo" ? [steps.done, steps.undone] : [steps.undone, steps.done];
        if (from.at(-1) !== Number(value)) continue;
        for (const moved of this.#move(from, to)) {
          if (kind === "undo") this.#out.add(moved);
          else this.#out.delete(moved);
          const concerned = this.#events.get(moved)?.object ?? null;
          if (concerned !== null) changed.add(concerned);
        }
        continue;
      }
      this.#events.set(seq, event);
      steps.done.push(seq);
      steps.undone.length = 0;
      if (kind === "alpha") this.#alphas.push(seq);
      if (object === null) continue;
      const list = this.#ofObject.get(object);
      if (list === undefined) this.#ofObject.set(object, [seq]);
      else list.push(seq);
      changed.add(object);
    }
    for (const object of changed) this.#settle(object);
    return this;
  }

  /** The state after all events pushed so far. */
  state(): FoldedSession {
    const tops = (which: keyof Steps) =>
      new Map(
        [...this.#people].flatMap(([who, steps]) => {
          const top = steps[which].at(-1);
          return top === undefined ? [] : [[who, top] as const];
        }),
      );
    const alpha = this.#alphas.findLast((seq) => !this.#out.has(seq));
    return {
      labels: this.#labels,
      boxes: this.#boxes,
      conflicts: [...this.#conflicts.values()],
      answers: this.#answers,
      alpha: alpha === undefined ? this.#alpha : Number(this.#events.get(alpha)?.value),
      name: this.#name,
      status: this.#status,
      lastSeq: this.#lastSeq,
      undoable: tops("done"),
      redoable: tops("undone"),
    };
  }

  /** Moves the uppermost action from one stack to the other; returns the numbers of its events. */
  #move(from: number[], to: number[]): number[] {
    const actionAt = (seq: number | undefined) => {
      const event = seq === undefined ? undefined : this.#events.get(seq);
      return event === undefined ? null : actionOf(event);
    };
    const action = actionAt(from.at(-1));
    const moved: number[] = [];
    do {
      moved.push(from.pop() as number);
    } while (action !== null && actionAt(from.at(-1)) === action);
    to.push(...moved);
    return moved;
  }

  /** Finds an object's label and whether people disagree about it, from its events in force. */
  #settle(object: string): void {
    delete this.#boxes[object];
    const people = new Map<string, Opinion>();
    for (const number of this.#ofObject.get(object) ?? []) {
      if (this.#out.has(number)) continue;
      const { seq, at, who, round, kind, value, reason } = this.#events.get(number) as SessionEvent;
      if (kind === "box") this.#boxes[object] = DrawnBox.parse(JSON.parse(value));
      const before = people.get(who);
      people.set(who, { ...opinionAfter(before ?? { value: null, tags: [] }, kind, value), at, seq, round, reason });
    }
    delete this.#labels[object];
    this.#conflicts.delete(object);
    this.#answers.delete(object);
    if (people.size === 0) return;
    const recent = [...people].sort(([, a], [, b]) => b.seq - a.seq);
    const [who, latest] = recent.find(([, { value }]) => value !== null) ?? recent[0];
    const tags = [...new Set([...people.values()].flatMap((opinion) => opinion.tags))].sort();
    if (latest.value !== null || tags.length > 0)
      this.#labels[object] = {
        value: latest.value,
        tags,
        who,
        at: latest.at,
        round: latest.round,
        reason: latest.reason,
      };
    const answers = [...people].flatMap(([who, { value, at, round, reason }]) =>
      value === null ? [] : [{ who, value, at, round, reason }],
    );
    if (answers.length > 0) this.#answers.set(object, answers);
    const held = answers.map(({ who, value }) => ({ who, value }));
    if (new Set(held.map(({ value }) => value)).size > 1) this.#conflicts.set(object, { object, opinions: held });
  }
}

/** What a person holds of an object after one more event about it. */
function opinionAfter(
  { value, tags }: Pick<Opinion, "value" | "tags">,
  kind: SessionEvent["kind"],
  text: string,
): Pick<Opinion, "value" | "tags"> {
  if (kind === "label") return { value: text === "clear" ? null : (text as LabelValue), tags };
  if (kind === "tag") return { value, tags: [...new Set([...tags, text])] };
  return { value, tags: kind === "untag" ? tags.filter((tag) => tag !== text) : tags };
}

/** The state after `events`, which are in order of `seq`; `alpha` is the session's first. */
export function fold(events: readonly SessionEvent[], alpha: number): FoldedSession {
  return new SessionFold(alpha).push(events).state();
}
