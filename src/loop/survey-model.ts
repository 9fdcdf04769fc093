/** The encoder of whose features a survey is searched, where nobody names one. */
import { DEFAULT_MODEL } from "../models/default-model.ts";
import { listFeatures } from "../store/features.ts";

/** The model of the first finished feature set of a survey; where there is none, the one that `npm start` computes. */
export const modelOfSurvey = (folder: string): string =>
  listFeatures(folder).find(({ done, total }) => done === total)?.model ?? DEFAULT_MODEL;
