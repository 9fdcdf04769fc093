/**
 * The server's API as functions. Answers have the contract's types; failures are `ApiFailure`s, a server out of reach
 * is `offline`.
 */
import type {
  LabelValue,
  NewLabel,
  NewSession,
  ObjectDetail,
  ObjectRow,
  Page,
  Ranking,
  Saved,
  Session,
  SessionEvent,
  SessionState,
  StreamMessage,
  SurveyInfo,
} from "../src/contract/api.ts";
import type { Imported, Learning, Preview, Why } from "../src/contract/insight.ts";
import type { Heads, MostProbable, ObjectPrediction } from "../src/contract/predictions.ts";

export class ApiFailure extends Error {
  readonly code: string;
  readonly offline: boolean;
  constructor(code: string, message: string, offline = false) {
    super(message);
    this.code = code;
    this.offline = offline;
  }
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(
      `/api${path}`,
      body === undefined
        ? {}
        : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
    );
  } catch {
    throw new ApiFailure("OFFLINE", "the server does not answer", true);
  }
  if (response.ok) return (await response.json()) as T;
  const failure = (await response.json().catch(() => ({ code: "INTERNAL", message: response.statusText }))) as {
    code: string;
    message: string;
  };
  throw new ApiFailure(failure.code, failure.message, LATER.includes(response.status));
}

/** Answers that mean: the same again in a moment. */
const LATER = [429, 502, 503, 504];

const at = encodeURIComponent;
const objects = (survey: string) => `/surveys/${at(survey)}/objects`;
type Rows = { total: number; objects: ObjectRow[] };

export const api = {
  surveys: () => ask<SurveyInfo[]>("/surveys"),
  sessions: () => ask<Session[]>("/sessions"),
  random: (survey: string, count: number, seed: number) => ask<Rows>(`${objects(survey)}?random=${count}&seed=${seed}`),
  diverse: (survey: string, model: string, count: number, seed: number) =>
    ask<Rows>(`${objects(survey)}?diverse=${count}&model=${at(model)}&seed=${seed}`),
  byRows: (survey: string, rows: number[]) => ask<Rows>(`${objects(survey)}?rows=${rows.join(",")}`),
  lookUp: (survey: string, text: string, radiusArcsec: number) =>
    ask<{ objects: ObjectRow[]; missing: string[] }>(`/surveys/${at(survey)}/lookup`, { text, radiusArcsec }),
  neighbours: (survey: string, model: string, object: string, k: number) =>
    ask<{ objects: (ObjectRow & { similarity: number })[] }>(
      `${objects(survey)}/${at(object)}/neighbours?model=${at(model)}&k=${k}`,
    ),
  detail: (survey: string, object: string) => ask<ObjectDetail>(`${objects(survey)}/${at(object)}`),
  newSession: (session: NewSession) => ask<SessionState>("/sessions", session),
  session: (id: string, who: string) => ask<SessionState>(`/sessions/${at(id)}?who=${at(who)}`),
  events: (id: string) => ask<SessionEvent[]>(`/sessions/${at(id)}/events`),
  label: (id: string, who: string, labels: NewLabel[]) => ask<Saved>(`/sessions/${at(id)}/labels`, { who, labels }),
  undo: (id: string, who: string) => ask<Saved>(`/sessions/${at(id)}/undo`, { who }),
  redo: (id: string, who: string) => ask<Saved>(`/sessions/${at(id)}/redo`, { who }),
  alpha: (id: string, who: string, alpha: number) => ask<SessionState>(`/sessions/${at(id)}/alpha`, { who, alpha }),
  nextRound: (id: string, who: string, seen: number) => ask<Page>(`/sessions/${at(id)}/rounds`, { who, seen }),
  preview: (id: string) => ask<Preview>(`/sessions/${at(id)}/preview`),
  learning: (id: string) => ask<Learning>(`/sessions/${at(id)}/learning`),
  why: (id: string, object: string) => ask<Why>(`/sessions/${at(id)}/why/${at(object)}`),
  importLabels: (id: string, who: string, text: string, apply: boolean) =>
    ask<Imported>(`/sessions/${at(id)}/import`, { who, text, apply }),
  heads: (survey: string) => ask<Heads>(`/surveys/${at(survey)}/heads`),
  predictionsOf: (survey: string, object: string) =>
    ask<ObjectPrediction[]>(`${objects(survey)}/${at(object)}/predictions`),
  mostProbable: (survey: string, name: string, wanted: string[]) =>
    ask<MostProbable>(`/surveys/${at(survey)}/predictions/${at(name)}`, { objects: wanted }),
  ranking: (id: string, query: URLSearchParams) => ask<Ranking>(`/sessions/${at(id)}/ranking?${query}`),
};

/** Address of a rendered stamp; `size` is rounded up to one that the server makes. */
export function pictureUrl(survey: string, object: string, size: number): string {
  const made = [64, 96, 128, 192, 256, 512].find((px) => px >= size) ?? 512;
  return `/api${objects(survey)}/${at(object)}/picture?size=${made}`;
}

/** An object's picture as a head makes it, as an address in the page's own memory. */
export async function improvedUrl(survey: string, object: string, head: string): Promise<string> {
  const { bytes } = await bytesOf(`${objects(survey)}/${at(object)}/improved?head=${at(head)}`);
  return URL.createObjectURL(new Blob([bytes], { type: "image/webp" }));
}

/** Address of a table of what `filter` lets through. */
export function exportUrl(session: string, format: string, filter: URLSearchParams): string {
  return `/api/sessions/${at(session)}/export?${new URLSearchParams([...filter, ["format", format]])}`;
}

export const reportUrl = (session: string): string => `/api/sessions/${at(session)}/report`;

async function bytesOf(path: string): Promise<{ bytes: ArrayBuffer; headers: Headers }> {
  const response = await fetch(`/api${path}`);
  if (response.status === 202) throw new Computing((await response.json()) as { done: number; total: number });
  if (!response.ok) {
    const failure = (await response.json().catch(() => ({ code: "INTERNAL", message: response.statusText }))) as {
      code: string;
      message: string;
    };
    throw new ApiFailure(failure.code, failure.message);
  }
  return { bytes: await response.arrayBuffer(), headers: response.headers };
}

/** The answer is being computed: ask again. */
export class Computing extends Error {
  readonly share: number;
  constructor({ done, total }: { done: number; total: number }) {
    super("being computed");
    this.share = total > 0 ? done / total : 0;
  }
}

/** x and y of every object of a survey, in catalogue order. Throws Computing while it is made. */
export async function fetchMap(survey: string, method: "pca" | "umap", model?: string): Promise<Float32Array> {
  const { bytes } = await bytesOf(
    `/surveys/${at(survey)}/map?method=${method}${model === undefined ? "" : `&model=${at(model)}`}`,
  );
  return new Float32Array(bytes);
}

/** Scores of every object, and its label: 0 none, 1 positive, 2 negative, 3 unsure. */
export async function fetchScores(session: string): Promise<{ scores: Float32Array; labels: Uint8Array }> {
  const { bytes } = await bytesOf(`/sessions/${at(session)}/scores`);
  const count = bytes.byteLength / 5;
  return { scores: new Float32Array(bytes, 0, count), labels: new Uint8Array(bytes, 4 * count) };
}

/** A catalogue column: numbers, or places in `names`. */
export async function fetchColumn(
  survey: string,
  column: string,
): Promise<{ values: Float32Array; names: string[] | null }> {
  const { bytes, headers } = await bytesOf(`/surveys/${at(survey)}/columns/${at(column)}`);
  return {
    values: new Float32Array(bytes),
    names: JSON.parse(decodeURIComponent(headers.get("X-Skyloop-Values") ?? "null")) as string[] | null,
  };
}

export interface Pixels {
  data: Float32Array;
  bands: string[];
  widthPx: number;
  heightPx: number;
  unit: string;
  kind: string;
}

/** The float pixels of a stamp, [bands, H, W]; flux has its first row at the bottom of the sky. */
export async function fetchPixels(survey: string, object: string): Promise<Pixels> {
  const response = await fetch(`/api${objects(survey)}/${at(object)}/pixels`);
  if (!response.ok) throw new ApiFailure("PIXELS", "the pixels cannot be read");
  const [, heightPx, widthPx] = (response.headers.get("X-Skyloop-Shape") ?? "").split(",").map(Number);
  const header = (name: string) => response.headers.get(`X-Skyloop-${name}`) ?? "";
  return {
    data: new Float32Array(await response.arrayBuffer()),
    bands: header("Bands").split(","),
    widthPx,
    heightPx,
    unit: header("Unit"),
    kind: header("Kind"),
  };
}

/** Listens to a session's live messages. Returns the way to stop. */
export function listen(
  session: string,
  onMessage: (message: StreamMessage) => void,
  onState: (connected: boolean) => void,
): () => void {
  const source = new EventSource(`/api/sessions/${at(session)}/stream`);
  for (const type of ["progress", "page", "ranked", "assessed", "events", "failed"])
    source.addEventListener(type, (event) =>
      onMessage(JSON.parse((event as MessageEvent<string>).data) as StreamMessage),
    );
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  return () => source.close();
}

export type { LabelValue };
