/** Looking through detections: a session that begins with the detector's order. */
import type { Session, SurveyInfo } from "../../src/contract/api.ts";
import { api } from "../client/api.ts";
import { featuresOf } from "./use-survey.ts";

/** The survey's session of checking that is not archived, the newest; undefined where there is none. */
export const checkOf = (sessions: readonly Session[], survey: string): Session | undefined =>
  sessions.find((one) => one.survey === survey && one.prior === "detector" && one.status === "active");

/** Goes on with that session, or begins one and its first page. Returns its id. Throws ApiFailure, and where features are missing. */
export async function openCheck(info: SurveyInfo, who: string): Promise<string> {
  const known = checkOf(await api.sessions(), info.survey);
  if (known !== undefined) return known.session;
  const [model] = featuresOf(info).ready;
  if (model === undefined)
    throw new Error("The features of the candidates are not computed yet; try again in a moment.");
  const { session } = await api.newSession({
    survey: info.survey,
    model,
    target: info.title,
    alpha: 0.5,
    pageSize: 24,
    randomPicks: 0,
    seed: 1,
    who,
    prior: "detector",
    positive: [],
    negative: [],
  });
  await api.nextRound(session, who, 0).catch(() => {});
  return session;
}
