import { useState } from "react";
import type { Candidate } from "../../../src/contract/fields.ts";
import { recall, remember } from "../../actions/memory.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { api } from "../../client/api.ts";

/** Where detections lie, by object, and whether their outlines are shown. */
export interface Outlines {
  candidates: ReadonlyMap<string, Candidate>;
  shown: boolean;
  toggle(): void;
}

/** Surveys that are none of detections: they are asked once. */
const without = new Set<string>();
const NONE: ReadonlyMap<string, Candidate> = new Map();

/** The outlines of objects; none in a survey that is not of detections. The browser remembers whether they are shown. */
export function useOutlines(survey: string, objects: readonly string[]): Outlines {
  const [shown, setShown] = useState(recall("outlines", true));
  const ask = async () => {
    const found = await api.candidates(survey, [...objects]);
    if (found.length === 0) without.add(survey);
    return new Map(found.map((one) => [one.object, one]));
  };
  const { answer } = useAsked(
    () => (objects.length === 0 || without.has(survey) ? null : ask()),
    [survey, objects.join("\n")],
    true,
  );
  const toggle = () =>
    setShown((before) => {
      remember("outlines", !before);
      return !before;
    });
  return { candidates: answer ?? NONE, shown, toggle };
}
