import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LabelValue, SessionEvent } from "../contract/api.ts";
import { fold, SessionFold } from "./fold.ts";

type Act = { who: string; kind: "label" | "tag" | "untag" | "undo" | "redo"; object: string; value: string };
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      who: fc.constantFrom("a", "b"),
      kind: fc.constant("label" as const),
      object: fc.constantFrom("x", "y", "z"),
      value: fc.constantFrom("positive", "negative", "unsure", "clear"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      who: fc.constantFrom("a", "b"),
      kind: fc.constantFrom("tag" as const, "untag" as const),
      object: fc.constantFrom("x", "y"),
      value: fc.constantFrom("t1", "t2"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      who: fc.constantFrom("a", "b"),
      kind: fc.constantFrom("undo" as const, "redo" as const),
      object: fc.constant("x"),
      value: fc.constant(""),
    }),
  },
);

/** Turns what people do into events, as the session does: undo and redo name what the fold says they concern. */
function perform(acts: Act[]): SessionEvent[] {
  const events: SessionEvent[] = [];
  for (const { who, kind, object, value } of acts) {
    const folded = fold(events, 0.5);
    const concerned = kind === "undo" ? folded.undoable.get(who) : kind === "redo" ? folded.redoable.get(who) : 0;
    if (concerned === undefined) continue;
    const seq = events.length + 1;
    events.push({
      seq,
      at: `t${seq}`,
      who,
      round: 1,
      kind,
      object,
      value: kind === "undo" || kind === "redo" ? String(concerned) : value,
      reason: null,
      clientKey: null,
    });
  }
  return events;
}

/** The plainest model: each person has a list of done actions and a list of undone ones. */
function model(acts: Act[]): Record<string, LabelValue> {
  const done: (Act & { order: number })[] = [];
  const undone: Record<string, (Act & { order: number })[]> = { a: [], b: [] };
  for (const [order, one] of acts.entries()) {
    if (one.kind === "undo") {
      const last = done.findLastIndex(({ who }) => who === one.who);
      if (last >= 0) undone[one.who].push(...done.splice(last, 1));
    } else if (one.kind === "redo") {
      const back = undone[one.who].pop();
      if (back !== undefined) {
        done.push(back);
        done.sort((p, q) => p.order - q.order);
      }
    } else {
      done.push({ ...one, order });
      undone[one.who] = [];
    }
  }
  const held: Record<string, Record<string, { value: LabelValue | null; order: number }>> = {};
  for (const { who, kind, object, value, order } of done) {
    held[object] ??= {};
    const before = held[object][who]?.value ?? null;
    held[object][who] = {
      value: kind === "label" ? (value === "clear" ? null : (value as LabelValue)) : before,
      order,
    };
  }
  const result: Record<string, LabelValue> = {};
  for (const [object, people] of Object.entries(held)) {
    const latest = Object.values(people)
      .filter(({ value }) => value !== null)
      .sort((p, q) => q.order - p.order)[0];
    if (latest !== undefined) result[object] = latest.value as LabelValue;
  }
  return result;
}

describe("fold", () => {
  it("agrees with the plainest model for anything two people do", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const { labels } = fold(perform(acts), 0.5);
        const values = Object.fromEntries(
          Object.entries(labels).flatMap(([object, { value }]) => (value === null ? [] : [[object, value]])),
        );
        expect(values).toEqual(model(acts));
      }),
      { numRuns: 400 },
    );
  });
  it("says the same of events that come in parts", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (acts, size) => {
        const events = perform(acts);
        const parts = new SessionFold(0.5);
        for (let at = 0; at < events.length; at += size) {
          parts.push(events.slice(at, at + size)).state();
          expect(parts.lastSeq).toBe(Math.min(events.length, at + size));
        }
        const { conflicts, ...rest } = parts.state();
        const { conflicts: whole, ...others } = fold(events, 0.5);
        expect(rest).toEqual(others);
        const byObject = (list: typeof conflicts) => Object.fromEntries(list.map((one) => [one.object, one]));
        expect(byObject(conflicts)).toEqual(byObject(whole));
      }),
      { numRuns: 200 },
    );
  });
  it("undoes to the very start and redoes to the end", () => {
    const acts: Act[] = ["x", "y", "z"].map((object) => ({ who: "a", kind: "label", object, value: "positive" }));
    const undo: Act = { who: "a", kind: "undo", object: "x", value: "" };
    expect(fold(perform([...acts, undo, undo, undo, undo]), 0.5).labels).toEqual({});
    const back = fold(
      perform([
        ...acts,
        undo,
        undo,
        undo,
        { ...undo, kind: "redo" },
        { ...undo, kind: "redo" },
        { ...undo, kind: "redo" },
      ]),
      0.5,
    );
    expect(Object.keys(back.labels)).toEqual(["x", "y", "z"]);
    expect(back.redoable.has("a")).toBe(false);
  });
  it("takes an action of several events back, and brings it again, whole", () => {
    const label = (seq: number, object: string, key: string | null, who = "a"): SessionEvent => ({
      seq,
      at: `t${seq}`,
      who,
      round: 1,
      kind: "label",
      object,
      value: "positive",
      reason: null,
      clientKey: key,
    });
    const step = (seq: number, kind: "undo" | "redo", value: number): SessionEvent => ({
      ...label(seq, "x", null),
      kind,
      value: String(value),
    });
    const stroke = [
      label(1, "w", "one/0 label"),
      label(2, "x", "stroke/1 label"),
      label(3, "q", null, "b"),
      label(4, "y", "stroke/2 label"),
    ];
    const objects = (events: SessionEvent[]) => Object.keys(fold(events, 0.5).labels).sort();
    expect(fold(stroke, 0.5).undoable.get("a")).toBe(4);
    const undone = [...stroke, step(5, "undo", 4)];
    expect(objects(undone)).toEqual(["q", "w"]);
    const { undoable, redoable } = fold(undone, 0.5);
    expect([undoable.get("a"), redoable.get("a")]).toEqual([1, 2]);
    const again = [...undone, step(6, "redo", 2)];
    expect(objects(again)).toEqual(["q", "w", "x", "y"]);
    expect(objects([...again, step(7, "undo", 4), step(8, "undo", 1)])).toEqual(["q"]);
  });
  it("keeps two opinions as a conflict, the later one in force", () => {
    const { labels, conflicts } = fold(
      perform([
        { who: "a", kind: "label", object: "x", value: "positive" },
        { who: "b", kind: "label", object: "x", value: "negative" },
      ]),
      0.5,
    );
    expect(labels.x).toMatchObject({ value: "negative", who: "b" });
    expect(conflicts).toEqual([
      {
        object: "x",
        opinions: [
          { who: "a", value: "positive" },
          { who: "b", value: "negative" },
        ],
      },
    ]);
  });
});
