/**
 * What is computed of a survey and its sessions and can be computed again: features, scores, assessments, maps,
 * predictions. Files of the survey's folder today; whoever reads and writes them here need not know.
 */
import type { Assessment } from "../contract/insight.ts";
import { readAssessments, saveAssessment } from "./assessments.ts";
import { type Features, listFeatures, openFeatures } from "./features.ts";
import { type MapKey, readMap, saveMap } from "./maps.ts";
import { listPredictions, type Predicted, type PredictionHeader, readPredictions } from "./predictions.ts";
import { readScores, scoredRound, scoresVersion, writeScores } from "./scores.ts";

/** A finished set of predictions, with the name that it is kept under. */
export type KeptPredictions = PredictionHeader & { name: string };

/** What was computed of one survey and of its sessions. */
export interface Artefacts {
  /** The feature sets of the survey, finished or not. */
  featureSets(): Promise<ReturnType<typeof listFeatures>>;
  /** A finished set; close it. Throws FEATURES_MISSING, FEATURES_UNFINISHED, FEATURES_BROKEN. */
  features(model: string): Promise<Features>;

  /** A score for each of `count` objects of a session's last full ranking; null where there is none of that many. */
  scores(session: string, count: number): Promise<Float32Array | null>;
  /** Changes with every full ranking of the session. */
  scoresVersion(session: string): Promise<string>;
  /** The round whose learner gave the scores, or 0. */
  scoredRound(session: string): Promise<number>;
  saveScores(session: string, round: number, scores: Float32Array): Promise<void>;

  /** The assessments of a session's rounds, oldest first. */
  assessments(session: string): Promise<Assessment[]>;
  /** Adds an assessment, in place of those of the same round and of later ones. */
  saveAssessment(session: string, assessment: Assessment): Promise<void>;

  /** Positions of `count` objects in two dimensions, float32 [count, 2] as bytes, or null. */
  map(key: MapKey, count: number): Promise<Buffer | null>;
  saveMap(key: MapKey, points: Float32Array): Promise<void>;

  /** The predictions made for this state of the catalogue. */
  predictions(dataHash: string): Promise<KeptPredictions[]>;
  /** Their numbers [rows, columns], one row an object or a list of rows an object. Throws SURVEY_BROKEN. */
  predicted(kept: KeptPredictions): Promise<Pick<Predicted, "values" | "offsets">>;
}

/**
 * The artefacts of a survey folder. Those of its sessions and its maps are kept in `state`, which is the same folder
 * unless that may not be written.
 */
export function openArtefacts(folder: string, state = folder): Artefacts {
  return {
    featureSets: async () => listFeatures(folder),
    features: async (model) => openFeatures(folder, model),
    scores: async (session, count) => readScores(state, session, count),
    scoresVersion: async (session) => scoresVersion(state, session),
    scoredRound: async (session) => scoredRound(state, session),
    saveScores: async (session, round, scores) => writeScores(state, session, round, scores),
    assessments: async (session) => readAssessments(state, session),
    saveAssessment: async (session, assessment) => saveAssessment(state, session, assessment),
    map: async (key, count) => readMap(state, key, count),
    saveMap: async (key, points) => saveMap(state, key, points),
    predictions: async (dataHash) => listPredictions(folder, dataHash),
    predicted: async (kept) => readPredictions(folder, kept),
  };
}
