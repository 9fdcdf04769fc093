import { useEffect, useState } from "react";
import type { SurveyInfo } from "../../../src/contract/api.ts";
import { type Asked, useAsked } from "../../actions/use-asked.ts";
import { fetchColumn, fetchMap, fetchScores } from "../../client/api.ts";
import { Computing } from "../../client/http.ts";
import { colourKinds, colourNumbers, css, KINDS, LABEL_COLOURS, ramp } from "../../parts/colours.ts";
import type { MapColours } from "../../parts/map/points.ts";

/** How features are laid out in two dimensions. */
export type Method = "pca" | "umap";
const ASK_AGAIN_MS = 400;

/** Points of the map; while they are computed, how far that is (0 to 1). */
export function usePoints(survey: string, model: string | undefined, method: Method) {
  const [points, setPoints] = useState<Float32Array | null>(null);
  const [share, setShare] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    if (model === undefined) return;
    let gone = false;
    setPoints(null);
    setFailure(null);
    const ask = () =>
      fetchMap(survey, method, model).then(
        (found) => !gone && setPoints(found),
        (error: Error) => {
          if (gone) return;
          if (!(error instanceof Computing)) return setFailure(error.message);
          setShare(error.share);
          setTimeout(() => void (!gone && ask()), ASK_AGAIN_MS);
        },
      );
    void ask();
    return () => {
      gone = true;
    };
  }, [survey, model, method]);
  return { points, share, failure };
}

/** What the colours mean: a range of numbers, or names with their colours. */
export interface Legend {
  low?: number;
  high?: number;
  names?: [name: string, colour: string][];
}

/** The colours of a map's points and what they mean. */
export interface Coloured {
  colours: MapColours;
  legend: Legend;
}

const LABEL_NAMES = ["no label", "positive", "negative", "unsure"];

async function colour(info: SurveyInfo, session: string | null, by: string): Promise<Coloured> {
  const known = session === null ? null : await fetchScores(session);
  const emphasised = known?.labels;
  if (known !== null && by === "score")
    return { colours: { of: Uint32Array.from(known.scores, ramp), emphasised }, legend: { low: 0, high: 1 } };
  if (known !== null && by === "label")
    return {
      colours: { of: Uint32Array.from(known.labels, (label) => LABEL_COLOURS[label]), emphasised },
      legend: { names: LABEL_NAMES.map((name, i) => [name, css(LABEL_COLOURS[i])]) },
    };
  if (by === "") return { colours: { of: new Uint32Array(info.count).fill(KINDS[0]), emphasised }, legend: {} };
  const { values, names } = await fetchColumn(info.survey, by);
  if (names !== null)
    return {
      colours: { of: colourKinds(values), emphasised },
      legend: { names: names.slice(0, KINDS.length).map((name, i) => [name, css(KINDS[i])]) },
    };
  const { of, low, high } = colourNumbers(values);
  return { colours: { of, emphasised }, legend: { low, high } };
}

/** Colours of the points by score, label or a column; `version` grows whenever labels or scores change. */
export function useColours(
  info: SurveyInfo | null,
  session: string | null,
  by: string,
  version: string,
): Asked<Coloured> {
  return useAsked(() => (info === null ? null : colour(info, session, by)), [info, session, by, version], true);
}
