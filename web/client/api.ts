/** The server's API as functions with the contract's types. Every one of them throws ApiFailure. */
import type {
  NewLabel,
  NewSession,
  ObjectDetail,
  ObjectRow,
  Page,
  Ranking,
  Saved,
  Session,
  SessionChange,
  SessionEvent,
  SessionState,
  SurveyInfo,
} from "../../src/contract/api.ts";
import type { Candidate, FieldInfo, FieldView } from "../../src/contract/fields.ts";
import type { Imported, Learning, Preview, SampState, ScorePurity, Why } from "../../src/contract/insight.ts";
import type { Me } from "../../src/contract/people.ts";
import type { Heads, MostProbable, ObjectPrediction } from "../../src/contract/predictions.ts";
import type { FarNumber, SimilarObject, SimilarRequest, UnusualObject } from "../../src/contract/similar.ts";
import type { Agreement } from "../../src/contract/team.ts";
import { apiUrl, ask, askJson } from "./http.ts";

const at = encodeURIComponent;
const objects = (survey: string) => `/surveys/${at(survey)}/objects`;
const session = (id: string) => `/sessions/${at(id)}`;
type Rows = { total: number; objects: ObjectRow[] };

/** The requests that answer with JSON, one function each. Each throws ApiFailure. */
export const api = {
  me: () => askJson<Me>("/me"),
  surveys: () => askJson<SurveyInfo[]>("/surveys"),
  survey: (name: string) => askJson<SurveyInfo>(`/surveys/${at(name)}`),
  sessions: () => askJson<Session[]>("/sessions"),
  random: (survey: string, count: number, seed: number) =>
    askJson<Rows>(`${objects(survey)}?random=${count}&seed=${seed}`),
  diverse: (survey: string, model: string, count: number, seed: number) =>
    askJson<Rows>(`${objects(survey)}?diverse=${count}&model=${at(model)}&seed=${seed}`),
  unusual: (survey: string, model: string, count: number) =>
    askJson<{ objects: UnusualObject[] }>(`/surveys/${at(survey)}/unusual?model=${at(model)}&count=${count}`),
  similar: (survey: string, wanted: Partial<SimilarRequest>) =>
    askJson<{ objects: SimilarObject[] }>(`/surveys/${at(survey)}/similar`, wanted),
  byColumn: (survey: string, query: URLSearchParams) => askJson<Rows>(`${objects(survey)}?${query}`),
  byRows: (survey: string, rows: number[]) => askJson<Rows>(`${objects(survey)}?rows=${rows.join(",")}`),
  lookUp: (survey: string, text: string, radiusArcsec: number) =>
    askJson<{ objects: ObjectRow[]; missing: string[] }>(`/surveys/${at(survey)}/lookup`, { text, radiusArcsec }),
  fields: (survey: string) => askJson<FieldInfo[]>(`/surveys/${at(survey)}/fields`),
  field: (survey: string, field: string) => askJson<FieldView>(`/surveys/${at(survey)}/fields/${at(field)}`),
  candidates: (survey: string, wanted: string[]) =>
    askJson<Candidate[]>(`/surveys/${at(survey)}/candidates`, { objects: wanted }),
  neighbours: (survey: string, model: string, object: string, k: number) =>
    askJson<{ objects: (ObjectRow & { similarity: number })[]; far: FarNumber[] }>(
      `${objects(survey)}/${at(object)}/neighbours?model=${at(model)}&k=${k}`,
    ),
  detail: (survey: string, object: string) => askJson<ObjectDetail>(`${objects(survey)}/${at(object)}`),
  newSession: (wanted: NewSession) => askJson<SessionState>("/sessions", wanted),
  session: (id: string, who: string) => askJson<SessionState>(`${session(id)}?who=${at(who)}`),
  changeSession: (id: string, change: SessionChange) => askJson<Session>(`${session(id)}/change`, change),
  copySession: (id: string, who: string) => askJson<Session>(`${session(id)}/copy`, { who }),
  pageOf: (id: string, round: number) => askJson<Page>(`${session(id)}/rounds/${round}`),
  agreement: (id: string) => askJson<Agreement>(`${session(id)}/agreement`),
  undecided: (id: string) => askJson<Page>(`${session(id)}/undecided`),
  skipped: (id: string) => askJson<Page>(`${session(id)}/skipped`),
  events: (id: string) => askJson<SessionEvent[]>(`${session(id)}/events`),
  label: (id: string, who: string, labels: NewLabel[]) => askJson<Saved>(`${session(id)}/labels`, { who, labels }),
  step: (id: string, kind: "undo" | "redo", who: string, clientKey: string) =>
    askJson<Saved>(`${session(id)}/${kind}`, { who, clientKey }),
  alpha: (id: string, who: string, alpha: number) => askJson<SessionState>(`${session(id)}/alpha`, { who, alpha }),
  nextRound: (id: string, who: string, seen: number) => askJson<Page>(`${session(id)}/rounds`, { who, seen }),
  preview: (id: string) => askJson<Preview>(`${session(id)}/preview`),
  learning: (id: string) => askJson<Learning>(`${session(id)}/learning`),
  purity: (id: string) => askJson<ScorePurity | null>(`${session(id)}/purity`),
  why: (id: string, object: string) => askJson<Why>(`${session(id)}/why/${at(object)}`),
  importLabels: (id: string, who: string, text: string, apply: boolean) =>
    askJson<Imported>(`${session(id)}/import`, { who, text, apply }),
  heads: (survey: string) => askJson<Heads>(`/surveys/${at(survey)}/heads`),
  predictionsOf: (survey: string, object: string) =>
    askJson<ObjectPrediction[]>(`${objects(survey)}/${at(object)}/predictions`),
  mostProbable: (survey: string, name: string, wanted: string[]) =>
    askJson<MostProbable>(`/surveys/${at(survey)}/predictions/${at(name)}`, { objects: wanted }),
  samp: () => askJson<SampState>("/samp"),
  sampConnect: () => askJson<SampState>("/samp/connect", {}),
  sampTable: (id: string, filter: Record<string, string>, columns: string[]) =>
    askJson<{ to: string[] }>("/samp/table", { session: id, filter, columns }),
  ranking: (id: string, query: URLSearchParams) => askJson<Ranking>(`${session(id)}/ranking?${query}`),
};

/** Address of a rendered stamp; `size` is rounded up to one that the server makes. */
export function pictureUrl(survey: string, object: string, size: number): string {
  const made = [64, 96, 128, 192, 256, 512].find((px) => px >= size) ?? 512;
  return apiUrl(`${objects(survey)}/${at(object)}/picture?size=${made}`);
}

/** Address of a part of an image's picture. */
export const tileUrl = (survey: string, field: string, level: number, column: number, row: number): string =>
  apiUrl(`/surveys/${at(survey)}/fields/${at(field)}/tiles/${level}-${column}-${row}`);
/** Address of a stamp as a file: the picture as it came, or its pixels as FITS. */
export const cutoutUrl = (survey: string, object: string): string => apiUrl(`${objects(survey)}/${at(object)}/cutout`);

/** Address of a table of what `filter` lets through, with further columns, and pseudonyms in place of names if wanted. */
export function exportUrl(
  id: string,
  format: string,
  filter: URLSearchParams,
  columns: string[] = [],
  pseudonyms = false,
): string {
  const more = columns.map((name) => ["columns", name]);
  if (pseudonyms) more.push(["names", "pseudonyms"]);
  return apiUrl(`${session(id)}/export?${new URLSearchParams([...filter, ["format", format], ...more])}`);
}

/** The address of a session's report. */
export const reportUrl = (id: string): string => apiUrl(`${session(id)}/report`);

const bytes = async (path: string): Promise<ArrayBuffer> => (await ask(path)).arrayBuffer();

/** An object's picture as a head makes it, as an address in the page's own memory. */
export async function improvedUrl(survey: string, object: string, head: string): Promise<string> {
  const picture = await bytes(`${objects(survey)}/${at(object)}/improved?head=${at(head)}`);
  return URL.createObjectURL(new Blob([picture], { type: "image/webp" }));
}

/** x and y of every object of a survey, in catalogue order. Throws Computing while it is made. */
export async function fetchMap(survey: string, method: "pca" | "umap", model?: string): Promise<Float32Array> {
  const wanted = model === undefined ? "" : `&model=${at(model)}`;
  return new Float32Array(await bytes(`/surveys/${at(survey)}/map?method=${method}${wanted}`));
}

/** Scores of every object, and its label: 0 none, 1 positive, 2 negative, 3 unsure. */
export async function fetchScores(id: string): Promise<{ scores: Float32Array; labels: Uint8Array }> {
  const all = await bytes(`${session(id)}/scores`);
  const count = all.byteLength / 5;
  return { scores: new Float32Array(all, 0, count), labels: new Uint8Array(all, 4 * count) };
}

/** A catalogue column: numbers, or places in `names`. */
export async function fetchColumn(
  survey: string,
  column: string,
): Promise<{ values: Float32Array; names: string[] | null }> {
  const answer = await ask(`/surveys/${at(survey)}/columns/${at(column)}`);
  const names = decodeURIComponent(answer.headers.get("X-Skyloop-Values") ?? "null");
  return { values: new Float32Array(await answer.arrayBuffer()), names: JSON.parse(names) as string[] | null };
}

/** A stamp's pixels, [bands, H, W]; flux has its first row at the bottom of the sky. */
export interface Pixels {
  data: Float32Array;
  bands: string[];
  widthPx: number;
  heightPx: number;
  unit: string;
  kind: string;
  /** Of flux, red first: what (values of `band` - zero) * scale puts on the scale of the Legacy Surveys' viewer. */
  rendering: { band: number; zero: number; scale: number }[];
}

/** The float pixels of a stamp. */
export async function fetchPixels(survey: string, object: string): Promise<Pixels> {
  const answer = await ask(`${objects(survey)}/${at(object)}/pixels`);
  const header = (name: string) => answer.headers.get(`X-Skyloop-${name}`) ?? "";
  const [, heightPx, widthPx] = header("Shape").split(",").map(Number);
  return {
    data: new Float32Array(await answer.arrayBuffer()),
    bands: header("Bands").split(",").map(decodeURIComponent),
    widthPx,
    heightPx,
    unit: decodeURIComponent(header("Unit")),
    kind: header("Kind"),
    rendering: JSON.parse(header("Rendering") || "[]"),
  };
}
