/** A search that is being prepared: kept by the browser, so that the map, Back and a reload take nothing away. */
import { useCallback, useEffect, useState } from "react";
import type { LabelValue } from "../../../src/contract/api.ts";
import { forget, recall, remember } from "../../actions/memory.ts";

/** Where the objects to choose from come from. */
export type Source =
  | { kind: "random" }
  | { kind: "diverse" }
  | { kind: "unusual" }
  | { kind: "ids" }
  | { kind: "column" }
  | { kind: "near"; object: string }
  /** Like the positive examples and unlike the negative ones, as they were when it was asked for. */
  | { kind: "similar"; like: string[]; unlike: string[] }
  /** Like a picture of the user's; it is in this page's memory alone. */
  | { kind: "picture"; name: string };

/** The labels that starting examples can have. */
export type ExampleLabel = Extract<LabelValue, "positive" | "negative">;

/** Objects of a catalogue column: the highest or lowest values, or those of one value. */
export interface ColumnChoice {
  column: string;
  order: "highest" | "lowest" | "equals";
  equals: string;
}

/** A search before it is begun; this browser keeps it. */
export interface Draft {
  target: string;
  alpha: number;
  chosen: [object: string, value: ExampleLabel][];
  source: Source;
  seed: number;
  /** What was typed into the field of ids and positions, and what of it was looked up. */
  ids: string;
  asked: string;
  radiusArcsec: number;
  column: ColumnChoice;
}

const EMPTY: Draft = {
  target: "",
  alpha: 0.5,
  chosen: [],
  source: { kind: "random" },
  seed: 1,
  ids: "",
  asked: "",
  radiusArcsec: 5,
  column: { column: "", order: "highest", equals: "" },
};

const keyOf = (survey: string) => `draft.${survey}`;

/** The draft of a survey; ids that another page chose are shown first. */
export function useDraft(survey: string, given: string | null) {
  const [draft, setDraft] = useState<Draft>(() => {
    const kept = { ...EMPTY, ...recall<Partial<Draft>>(keyOf(survey), {}) };
    return given === null ? kept : { ...kept, source: { kind: "ids" }, ids: given, asked: given };
  });
  useEffect(() => remember(keyOf(survey), draft), [survey, draft]);
  const change = useCallback((more: Partial<Draft>) => setDraft((before) => ({ ...before, ...more })), []);
  /** Gives objects a label, or takes it away (null). */
  const give = useCallback(
    (objects: readonly string[], value: (before: ExampleLabel | undefined) => ExampleLabel | null) =>
      setDraft((before) => {
        const chosen = new Map(before.chosen);
        for (const object of objects) {
          const next = value(chosen.get(object));
          if (next === null) chosen.delete(object);
          else chosen.set(object, next);
        }
        return { ...before, chosen: [...chosen] };
      }),
    [],
  );
  const clear = useCallback(() => {
    forget(keyOf(survey));
    setDraft(EMPTY);
  }, [survey]);
  return { draft, change, give, clear };
}

/** From none to positive to negative to none. */
export const nextExample = (before: ExampleLabel | undefined): ExampleLabel | null =>
  before === undefined ? "positive" : before === "positive" ? "negative" : null;

/** What is still needed before a search can start; null: nothing. */
export function missingOf({ target, chosen, source }: Draft): string | null {
  const count = (wanted: ExampleLabel) => chosen.filter(([, value]) => value === wanted).length;
  if (target.trim() === "") return "Name what you are looking for.";
  // A search for what is unusual needs no example: the most unusual come first until something is positive.
  if (count("positive") === 0 && source.kind !== "unusual") return "Click at least one object that is it.";
  return null;
}
