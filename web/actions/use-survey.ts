import { useEffect, useState } from "react";
import type { SurveyInfo } from "../../src/contract/api.ts";
import { api } from "../client/api.ts";
import { type Asked, useAsked } from "./use-asked.ts";

const EVERY_MS = 2000;

/** A survey's feature sets: those that a search can begin with, and how far one is that is being computed. */
export function featuresOf({ features }: SurveyInfo): {
  ready: string[];
  growing: SurveyInfo["features"][number] | null;
} {
  const ready = features.filter(({ done, total }) => done === total).map(({ model }) => model);
  return { ready, growing: ready.length > 0 ? null : (features[0] ?? null) };
}

/** What the page shows of a survey; asked for again while its first features are being computed. */
export function useSurvey(survey: string): Asked<SurveyInfo> {
  const [times, setTimes] = useState(0);
  const asked = useAsked(() => api.survey(survey), [survey, times], times > 0);
  const waits = asked.answer !== null && featuresOf(asked.answer).ready.length === 0;
  useEffect(() => {
    if (!waits) return;
    const timer = setInterval(() => setTimes((count) => count + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, [waits]);
  return asked;
}
