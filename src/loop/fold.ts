/**
 * From a session's events to its state: a pure function, so that every reader of the same events sees the same session.
 */
import type { LabelState, LabelValue, SessionEvent } from "../contract/api.ts";

/** One person's standing opinion of one object. */
interface Opinion {
  value: LabelValue | null;
  tags: string[];
  at: string;
  seq: number;
  round: number;
}

export interface Folded {
  /** By object; the latest standing opinion of anybody counts. Cleared objects without tags are not in it. */
  labels: Record<string, LabelState>;
  conflicts: { object: string; opinions: { who: string; value: LabelValue }[] }[];
  alpha: number;
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

/**
 * Events that are in force: undo takes out the person's latest action in force, redo the latest undo that no new action
 * of that person followed. Undo and redo name an event of the action they concern; those that name another than the
 * fold expects are without effect.
 */
function inForce(events: SessionEvent[]): {
  standing: SessionEvent[];
  undoable: Map<string, number>;
  redoable: Map<string, number>;
} {
  const done = new Map<string, number[]>();
  const undone = new Map<string, number[]>();
  const out = new Set<number>();
  const actions = new Map(
    events.flatMap((event) =>
      event.kind === "undo" || event.kind === "redo" ? [] : [[event.seq, actionOf(event)] as const],
    ),
  );
  /** Moves the uppermost action from one stack to the other. */
  const move = (from: number[], to: number[]): number[] => {
    const action = actions.get(from[from.length - 1]);
    const moved: number[] = [];
    do {
      moved.push(from.pop() as number);
    } while (action != null && from.length > 0 && actions.get(from[from.length - 1]) === action);
    to.push(...moved);
    return moved;
  };
  const of = (stacks: Map<string, number[]>, who: string) => {
    const stack = stacks.get(who) ?? [];
    stacks.set(who, stack);
    return stack;
  };
  for (const { seq, kind, who, value } of events) {
    const [forward, back] = [of(done, who), of(undone, who)];
    if (kind === "undo") {
      if (forward.at(-1) !== Number(value)) continue;
      for (const seq of move(forward, back)) out.add(seq);
    } else if (kind === "redo") {
      if (back.at(-1) !== Number(value)) continue;
      for (const seq of move(back, forward)) out.delete(seq);
    } else {
      forward.push(seq);
      back.length = 0;
    }
  }
  const tops = (stacks: Map<string, number[]>) =>
    new Map([...stacks].flatMap(([who, stack]) => (stack.length > 0 ? [[who, stack.at(-1) as number] as const] : [])));
  return {
    standing: events.filter(({ seq, kind }) => kind !== "undo" && kind !== "redo" && !out.has(seq)),
    undoable: tops(done),
    redoable: tops(undone),
  };
}

/** The state after `events`, which are in order of `seq`; `alpha` is the session's first. */
export function fold(events: SessionEvent[], alpha: number): Folded {
  const { standing, undoable, redoable } = inForce(events);
  const opinions = new Map<string, Map<string, Opinion>>();
  let current = alpha;
  for (const { seq, at, who, round, kind, object, value } of standing) {
    if (kind === "alpha") current = Number(value);
    if (object === null) continue;
    const people = opinions.get(object) ?? new Map<string, Opinion>();
    opinions.set(object, people);
    const before = people.get(who) ?? { value: null, tags: [], at, seq, round };
    const tags =
      kind === "tag"
        ? [...new Set([...before.tags, value])]
        : kind === "untag"
          ? before.tags.filter((tag) => tag !== value)
          : before.tags;
    const label = kind === "label" ? (value === "clear" ? null : (value as LabelValue)) : before.value;
    people.set(who, { value: label, tags, at, seq, round });
  }
  const labels: Folded["labels"] = {};
  const conflicts: Folded["conflicts"] = [];
  for (const [object, people] of opinions) {
    const recent = [...people].sort(([, a], [, b]) => b.seq - a.seq);
    const latest = recent.find(([, { value }]) => value !== null) ?? recent[0];
    const tags = [...new Set([...people.values()].flatMap((opinion) => opinion.tags))].sort();
    if (latest[1].value !== null || tags.length > 0)
      labels[object] = { value: latest[1].value, tags, who: latest[0], at: latest[1].at, round: latest[1].round };
    const held = [...people].flatMap(([who, { value }]) => (value === null ? [] : [{ who, value }]));
    if (new Set(held.map(({ value }) => value)).size > 1) conflicts.push({ object, opinions: held });
  }
  return { labels, conflicts, alpha: current, lastSeq: events.at(-1)?.seq ?? 0, undoable, redoable };
}
