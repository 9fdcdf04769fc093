import type { ObjectDetail, SessionEvent } from "../../../src/contract/api.ts";
import type { Candidate } from "../../../src/contract/fields.ts";
import type { ImageHead, ObjectPrediction } from "../../../src/contract/predictions.ts";
import type { FarNumber } from "../../../src/contract/similar.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { api } from "../../client/api.ts";

/** What the server knows of an object. */
export interface Facts {
  detail: ObjectDetail | null;
  near: { object: string; similarity: number }[];
  /** In which numbers it is far from the others. */
  far: FarNumber[];
  predictions: ObjectPrediction[];
  /** Where it was detected, in a survey of detections. */
  candidate: Candidate | null;
}

/**
 * Everything of an object at once: what came later would push away what somebody is about to click. What fails is left
 * out.
 */
export function useFacts(survey: string, model: string, object: string): Facts | null {
  const ask = async (): Promise<Facts> => {
    const [detail, { objects: near, far }, predictions, [candidate = null]] = await Promise.all([
      api.detail(survey, object).catch(() => null),
      api.neighbours(survey, model, object, 12).catch(() => ({ objects: [], far: [] })),
      api.predictionsOf(survey, object).catch(() => []),
      api.candidates(survey, [object]).catch(() => []),
    ]);
    return { detail, near, far, predictions, candidate };
  };
  return useAsked(ask, [survey, model, object]).answer;
}

/** The heads of a survey that improve pictures; null until they are known. */
export function useHeads(survey: string): ImageHead[] | null {
  return useAsked(
    () =>
      api.heads(survey).then(
        ({ images }) => images,
        () => [],
      ),
    [survey],
  ).answer;
}

/** What was done with an object in a session; asked again when something was saved. Null until it is known. */
export function useHistory(
  session: string | undefined,
  object: string,
  lastSeq: number | undefined,
): SessionEvent[] | null {
  const { answer, failure } = useAsked(
    () => (session === undefined ? null : api.events(session)),
    [session, lastSeq],
    true,
  );
  if (session === undefined || failure !== null) return [];
  return answer?.filter((event) => event.object === object) ?? null;
}
