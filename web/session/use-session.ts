import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { LabelValue, Page, SessionState } from "../../src/contract/api.ts";
import type { DrawnBox } from "../../src/contract/fields.ts";
import { useMay } from "../actions/me.ts";
import { clientOf, type SessionClient } from "./client.ts";
import type { Trouble } from "./label-queue.ts";
import { type Model, UNOPENED, type Work } from "./model.ts";
import type { Refused } from "./pending.ts";

/** A session as the pages use it: what is shown, and what can be done. */
export interface LiveSession {
  state: SessionState;
  page: Page | null;
  /** A viewer may not: what would change something does nothing then. */
  canLabel: boolean;
  canUndo: boolean;
  canRedo: boolean;
  labelOf(object: string): LabelValue | null;
  tagsOf(object: string): string[];
  isPending(object: string): boolean;
  /** Objects that people drew. */
  boxes: Record<string, DrawnBox>;
  /** Labels, tags and steps that the server has not acknowledged. */
  pending: number;
  /** Why they are not written, if something is wrong. */
  trouble: Trouble | null;
  refused: { list: readonly Refused[]; retry(): void; discard(): void };
  connected: boolean;
  work: Work | null;
  going: boolean;
  notice: string | null;
  ahead: number | null;
  learned: number;
  /** Labels objects; what is done with the same `action` is undone together. */
  label(objects: readonly string[], value: LabelValue, action?: string): void;
  /** Adds an object that the detector missed. */
  draw(object: string, box: DrawnBox): void;
  newAction(): string;
  tag(object: string, tag: string, on: boolean): void;
  artefact(object: string): void;
  undo(): void;
  redo(): void;
  next(): void;
  setAlpha(alpha: number): void;
  dismiss(): void;
}

function viewOf(client: SessionClient, model: Model, state: SessionState, canLabel: boolean): LiveSession {
  const { overlay, pending } = model;
  const ifMay =
    <T extends unknown[]>(body: (...args: T) => void) =>
    (...args: T): void =>
      canLabel ? body(...args) : undefined;
  const { values, tags } = overlay;
  return {
    state,
    page: model.page,
    canLabel,
    canUndo: state.canUndo || pending.ops.some(({ op }) => op !== "undo"),
    canRedo: state.canRedo || pending.undone.some(({ taken }) => taken) || pending.ops.some(({ op }) => op === "undo"),
    labelOf: (object) => {
      const waiting = values.get(object);
      return waiting === undefined ? (state.labels[object]?.value ?? null) : waiting;
    },
    tagsOf: (object) => {
      const shown = new Set(state.labels[object]?.tags);
      for (const [tag, on] of tags.get(object) ?? [])
        if (on) shown.add(tag);
        else shown.delete(tag);
      return [...shown];
    },
    isPending: (object) => values.has(object),
    boxes: { ...state.boxes, ...Object.fromEntries(overlay.boxes) },
    pending: pending.ops.length,
    trouble: model.trouble,
    refused: { list: pending.refused, ...client.refused },
    connected: model.connected && model.trouble?.offline !== true,
    work: model.work,
    going: model.going,
    notice: model.notice,
    ahead: model.ahead,
    learned: model.learned,
    label: ifMay((objects, value, action) => client.label(objects, value, action)),
    draw: ifMay((object, box) => client.draw(object, box)),
    newAction: client.newAction,
    tag: ifMay((object, tag, on) => client.tag(object, tag, on)),
    artefact: ifMay((object) => client.artefact(object)),
    undo: ifMay(() => client.step("undo")),
    redo: ifMay(() => client.step("redo")),
    next: ifMay(() => client.next()),
    setAlpha: (alpha) => client.setAlpha(alpha),
    dismiss: () => client.dismiss(),
  };
}

const nothing = () => () => {};

/** Follows a session; without an id there is none, and nothing is asked. */
export function useSession(id: string | null, who: string): { session: LiveSession | null; failure: string | null } {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another name is told to the client that there is
  const client = useMemo(() => (id === null ? null : clientOf(id, who)), [id]);
  useEffect(() => client?.become(who), [client, who]);
  const model = useSyncExternalStore(client?.watch ?? nothing, () => client?.model ?? UNOPENED);
  const canLabel = useMay("labeller");
  const session = useMemo(
    () => (client === null || model.state === null ? null : viewOf(client, model, model.state, canLabel)),
    [client, model, canLabel],
  );
  return { session, failure: model.failure };
}
