/**
 * What a person did and the server has not acknowledged yet, as plain data: labels, tags, undo and redo, in the order
 * in which they were done. Pure functions, so that every path of a click can be tested without a browser or a server.
 */
import type { LabelValue, NewLabel } from "../../src/contract/api.ts";
import type { DrawnBox } from "../../src/contract/fields.ts";

/** A label, of an object that is being drawn with its box, or a tag, before it has its key. */
export type Change =
  | { object: string; value: LabelValue; box?: DrawnBox }
  | { object: string; addTag: string }
  | { object: string; removeTag: string };

/**
 * One label or tag on its way. `clientKey` begins with the action's name and a slash: the server undoes an action as
 * one. `sent`: it may have reached the server, whatever the page heard.
 */
export interface LabelOp extends NewLabel {
  op: "label";
  clientKey: string;
  who: string;
  sent: boolean;
}

/** An undo or redo on its way. `sets`: the labels that stand after it, as far as this page knows. */
export interface StepOp {
  op: "undo" | "redo";
  clientKey: string;
  who: string;
  sets: [object: string, value: LabelValue | null][];
  sent: boolean;
}

/** Anything that a person did and that waits to be written. */
export type Op = LabelOp | StepOp;

/** What the server will never take, with its reason. It is shown until the person decides. */
export interface Refused {
  op: LabelOp;
  code: string;
  message: string;
}

/** An action of this page: what it changed, for undo and redo before the server has answered. */
interface Action {
  changes: { object: string; before: LabelValue | null; after: LabelValue | null }[];
  ops: LabelOp[];
  /** It was undone before it was ever sent: redo puts it back into the queue. */
  taken: boolean;
}

/** What is not written yet, what was refused, and the actions that undo and redo step through. */
export interface Pending {
  ops: readonly Op[];
  refused: readonly Refused[];
  done: readonly Action[];
  undone: readonly Action[];
}

/** Everything is written. */
export const NOTHING_PENDING: Pending = { ops: [], refused: [], done: [], undone: [] };

const standing = (value: LabelValue): LabelValue | null => (value === "clear" ? null : value);
const same = (a: Op, b: Op) => a.clientKey === b.clientKey;

/** Adds one action; `before` tells the label that an object shows now. */
export function add(
  pending: Pending,
  changes: readonly Change[],
  { who, action, before }: { who: string; action: string; before(object: string): LabelValue | null },
): Pending {
  const known = pending.done.at(-1);
  // A stroke adds objects to the action that it began.
  const goesOn = known?.ops.at(-1)?.clientKey.startsWith(`${action}/`) === true ? known : undefined;
  const first = goesOn?.ops.length ?? 0;
  const ops = changes.map(
    (change, i): LabelOp => ({ op: "label", ...change, who, clientKey: `${action}/${first + i}`, sent: false }),
  );
  const made: Action = {
    changes: [
      ...(goesOn?.changes ?? []),
      ...changes.flatMap((change) =>
        "value" in change
          ? [{ object: change.object, before: before(change.object), after: standing(change.value) }]
          : [],
      ),
    ],
    ops: [...(goesOn?.ops ?? []), ...ops],
    taken: false,
  };
  return {
    ...pending,
    ops: [...pending.ops, ...ops],
    done: [...(goesOn === undefined ? pending.done : pending.done.slice(0, -1)), made],
    undone: [],
  };
}

const UNKNOWN: Action = { changes: [], ops: [], taken: false };

/** Without the last op where it is an opposite step that was not sent yet: the two cancel. */
function withoutOpposite(ops: readonly Op[], kind: "undo" | "redo"): readonly Op[] | null {
  const last = ops.at(-1);
  return last?.op === (kind === "undo" ? "redo" : "undo") && !last.sent ? ops.slice(0, -1) : null;
}

/**
 * Takes back the person's last action. What was never sent leaves the queue and the server never hears of it; else the
 * step waits behind what it concerns.
 */
export function undo(pending: Pending, who: string, clientKey: string): Pending {
  const last = pending.done.at(-1) ?? UNKNOWN;
  const step = (ops: readonly Op[], taken: boolean): Pending => ({
    ...pending,
    ops,
    done: pending.done.slice(0, -1),
    undone: [...pending.undone, { ...last, taken }],
  });
  const cancelled = withoutOpposite(pending.ops, "undo");
  if (cancelled !== null) return step(cancelled, false);
  const own = pending.ops.filter((op) => last.ops.some((one) => same(one, op)));
  if (own.length > 0 && own.length === last.ops.length && own.every(({ sent }) => !sent))
    return step(
      pending.ops.filter((op) => !own.includes(op)),
      true,
    );
  // The first change of an object in the action tells what stood before it.
  const sets = [...last.changes].reverse().map(({ object, before }): [string, LabelValue | null] => [object, before]);
  return step([...pending.ops, { op: "undo", clientKey, who, sets, sent: false }], false);
}

/** Brings back what was undone last. */
export function redo(pending: Pending, who: string, clientKey: string): Pending {
  const last = pending.undone.at(-1) ?? UNKNOWN;
  const step = (ops: readonly Op[]): Pending => ({
    ...pending,
    ops,
    done: [...pending.done, { ...last, taken: false }],
    undone: pending.undone.slice(0, -1),
  });
  if (last.taken) return step([...pending.ops, ...last.ops]);
  const cancelled = withoutOpposite(pending.ops, "redo");
  if (cancelled !== null) return step(cancelled);
  const sets = last.changes.map(({ object, after }): [string, LabelValue | null] => [object, after]);
  return step([...pending.ops, { op: "redo", clientKey, who, sets, sent: false }]);
}

/** Marks what is being sent: from now on it may be on the server. */
export function mark(pending: Pending, part: readonly Op[]): Pending {
  return { ...pending, ops: pending.ops.map((op) => (part.some((one) => same(one, op)) ? { ...op, sent: true } : op)) };
}

/** Takes the mark back, where the ops had none before: the server said that it wrote nothing. */
export function unmark(pending: Pending, part: readonly Op[]): Pending {
  return { ...pending, ops: pending.ops.map((op) => part.find((one) => same(one, op)) ?? op) };
}

/** Without what the server has written. */
export function acknowledge(pending: Pending, part: readonly Op[]): Pending {
  return { ...pending, ops: pending.ops.filter((op) => !part.some((one) => same(one, op))) };
}

/** Moves a label that can never be accepted to those that are shown as refused. */
export function refuse(pending: Pending, op: LabelOp, reason: { code: string; message: string }): Pending {
  return {
    ...acknowledge(pending, [op]),
    refused: [...pending.refused, { op, code: reason.code, message: reason.message }],
  };
}

/** Sends refused labels once more. */
export function retryRefused(pending: Pending): Pending {
  const again = pending.refused.map(({ op }) => ({ ...op, sent: false }));
  return { ...pending, ops: [...pending.ops, ...again], refused: [] };
}

/** What waits for each object: the label that is shown (null: none), tags and boxes on their way. */
export interface Overlay {
  values: Map<string, LabelValue | null>;
  tags: Map<string, Map<string, boolean>>;
  boxes: Map<string, DrawnBox>;
}

/** The ops in order, the later over the earlier. */
export function overlayOf(ops: readonly Op[]): Overlay {
  const [values, tags] = [new Map<string, LabelValue | null>(), new Map<string, Map<string, boolean>>()];
  const boxes = new Map<string, DrawnBox>();
  for (const op of ops) {
    if (op.op !== "label") {
      for (const [object, value] of op.sets) values.set(object, value);
      continue;
    }
    if (op.box !== undefined) boxes.set(op.object, op.box);
    if (op.value !== undefined) values.set(op.object, standing(op.value));
    const tag = op.addTag ?? op.removeTag;
    if (tag === undefined) continue;
    const own = tags.get(op.object) ?? new Map<string, boolean>();
    tags.set(op.object, own.set(tag, op.addTag !== undefined));
  }
  return { values, tags, boxes };
}
