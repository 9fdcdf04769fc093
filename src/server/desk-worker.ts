/** The thread that reads catalogues and rankings for the HTTP thread: filters, look-ups and exports of whole surveys. */
import { parentPort, workerData } from "node:worker_threads";
import { codedError, messageOf } from "../base/errors.ts";
import { BACKGROUND, setThreadPriority } from "../base/priority.ts";
import type { RankedRow } from "../contract/api.ts";
import type { Candidate, FieldInfo } from "../contract/fields.ts";
import { type ColumnQuery, rowsByColumn } from "../loop/by-column.ts";
import { withComputed } from "../loop/computed-columns.ts";
import type { Near } from "../loop/cone-index.ts";
import { type ConeParameters, catalogueSky, coneIndexOf, coneSearch } from "../loop/cone-search.ts";
import { type Matched, matchText } from "../loop/cross-match.ts";
import { exportSession, type SafeCells } from "../loop/export.ts";
import { type LabelRow, readLabelTable } from "../loop/import-labels.ts";
import { type LookupResult, lookUp } from "../loop/lookup.ts";
import { artefactsOf } from "../loop/opened.ts";
import { type RankingRequest, type RankingSource, rankedRows } from "../loop/ranking.ts";
import type { TableFormat } from "../survey/catalogue.ts";
import { openSharedSurvey, type SharedCatalogue, type Survey } from "../survey/folder.ts";
import { candidatesAmong, detectorScores, fieldInfos, fieldView } from "./detections.ts";

/** How a thread is started. */
export interface DeskOptions {
  background: boolean;
}

/** What is asked of each kind of job, and what is answered. */
export interface DeskJobs {
  ranking: {
    ask: { request: RankingRequest; offset: number; limit: number };
    answer: { total: number; rows: RankedRow[] };
  };
  export: {
    ask: { request: RankingRequest; format: TableFormat; path: string; columns?: readonly string[]; safe?: SafeCells };
    answer: number;
  };
  byColumn: { ask: ColumnQuery; answer: number[] };
  lookup: { ask: { text: string; radiusArcsec: number }; answer: LookupResult };
  cone: {
    ask: { raDeg: number; decDeg: number; radiusDeg: number; limit: number };
    answer: { total: number; near: Near[] };
  };
  coneSearch: { ask: ConeParameters; answer: string };
  match: { ask: { text: string; radiusArcsec: number }; answer: Matched };
  labels: { ask: { text: string }; answer: LabelRow[] };
  fields: { ask: null; answer: FieldInfo[] };
  /** A FieldView as JSON in UTF-8: a field may hold a hundred thousand candidates. */
  field: { ask: { name: string }; answer: Uint8Array };
  candidates: { ask: { objects: string[] }; answer: Candidate[] };
  detectorScores: { ask: null; answer: { id: string; score: number }[] };
}

/** A job on its way to the thread. `shared` comes with the first job of a survey's data. */
export interface DeskMessage<K extends keyof DeskJobs = keyof DeskJobs> {
  id: number;
  kind: K;
  survey: { folder: string; dataHash: string; shared: SharedCatalogue | null };
  ask: DeskJobs[K]["ask"];
}

/** How a job ended: exactly one a job. */
export type DeskReply =
  | { id: number; answer: DeskJobs[keyof DeskJobs]["answer"] }
  | { id: number; code: string; message: string };

type Handlers = {
  [K in keyof DeskJobs]: (
    source: RankingSource,
    ask: DeskJobs[K]["ask"],
  ) => DeskJobs[K]["answer"] | Promise<DeskJobs[K]["answer"]>;
};

const HANDLERS: Handlers = {
  ranking: (source, { request, offset, limit }) => rankedRows(source, request, { offset, limit }),
  export: (source, { request, format, path, columns, safe }) =>
    exportSession(source, request, format, path, columns, safe),
  byColumn: ({ survey }, ask) => rowsByColumn(survey, ask),
  lookup: ({ survey }, { text, radiusArcsec }) => lookUp(text, catalogueSky(survey), survey.indexOf, radiusArcsec),
  cone({ survey }, { raDeg, decDeg, radiusDeg, limit }) {
    const near = coneIndexOf(survey).within(raDeg, decDeg, radiusDeg);
    return { total: near.length, near: near.slice(0, limit) };
  },
  coneSearch: ({ survey }, ask) => coneSearch(survey, ask),
  match: ({ survey }, { text, radiusArcsec }) => matchText(survey, text, radiusArcsec),
  labels: (_, { text }) => readLabelTable(text),
  fields: ({ survey }) => fieldInfos(survey),
  field: ({ survey }, { name }) => Buffer.from(JSON.stringify(fieldView(survey, name))),
  candidates: ({ survey }, { objects }) => candidatesAmong(survey, objects),
  detectorScores: ({ survey }) => detectorScores(survey),
};

const surveys = new Map<string, { dataHash: string; survey: Promise<Survey> }>();

async function sourceOf({ folder, dataHash, shared }: DeskMessage["survey"]): Promise<RankingSource> {
  const known = surveys.get(folder);
  const artefacts = artefactsOf(folder);
  if (known?.dataHash === dataHash) return { survey: await known.survey, artefacts };
  void known?.survey.then((old) => old.close());
  const survey = openSharedSurvey(folder, shared as SharedCatalogue).then(withComputed);
  surveys.set(folder, { dataHash, survey });
  return { survey: await survey, artefacts };
}

async function run<K extends keyof DeskJobs>({ id, kind, survey, ask }: DeskMessage<K>): Promise<DeskReply> {
  try {
    return { id, answer: await HANDLERS[kind](await sourceOf(survey), ask) };
  } catch (error) {
    const { code, message } = codedError(error) ?? { code: "INTERNAL", message: messageOf(error) };
    return { id, code, message };
  }
}

if ((workerData as DeskOptions).background) setThreadPriority(BACKGROUND);
parentPort?.on("message", async (message: DeskMessage) => parentPort?.postMessage(await run(message)));
