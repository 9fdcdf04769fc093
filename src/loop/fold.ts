/** From a session's events to its state: a pure function, so that every reader of the same events sees the same session. */
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
 * Events that are in force: undo takes out the person's latest event in force, redo the latest undo that no new action of that person
 * followed. Undo and redo name the event they concern; those that name another than the fold expects are without effect.
 */
function inForce(events: SessionEvent[]): { standing: SessionEvent[]; undoable: Map<string, number>; redoable: Map<string, number> } {
  const done = new Map<string, number[]>();
  const undone = new Map<string, number[]>();
  const out = new Set<number>();
  const of = (stacks: Map<string, number[]>, who: string) => {
    const stack = stacks.get(who) ?? [];
    stacks.set(who, stack);
    return stack;
  };
  for (const { seq, kind, who, value } of events) {
    const [forward, back] = [of(done, who), of(undone, who)];
    if (kind === "undo") {
      if (forward.at(-1) !== Number(value)) continue;
      out.add(forward.pop() as number);
      back.push(Number(value));
    } else if (kind === "redo") {
      if (back.at(-1) !== Number(value)) continue;
      out.delete(back.pop() as number);
      forward.push(Number(value));
    } else {
      forward.push(seq);
      back.length = 0;
    }
  }
  const tops = (stacks: Map<string, number[]>) =>
    new Map([...stacks].flatMap(([who, stack]) => (stack.length > 0 ? [[who, stack.at(-1) as number] as const] : [])));
  return { standing: events.filter(({ seq, kind }) => kind !== "undo" && kind !== "redo" && !out.has(seq)), undoable: tops(done), redoable: tops(undone) };
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
    const tags = kind === "tag" ? [...new Set([...before.tags, value])] : kind === "untag" ? before.tags.filter((tag) => tag !== value) : before.tags;
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
