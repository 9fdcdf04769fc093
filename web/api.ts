/** The server's API as functions. Answers have the contract's types; failures are `ApiFailure`s, a server out of reach is `offline`. */
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
      body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
    );
  } catch {
    throw new ApiFailure("OFFLINE", "the server does not answer", true);
  }
  if (response.ok) return (await response.json()) as T;
  const failure = (await response.json().catch(() => ({ code: "INTERNAL", message: response.statusText }))) as { code: string; message: string };
  throw new ApiFailure(failure.code, failure.message);
}

const at = encodeURIComponent;
const objects = (survey: string) => `/surveys/${at(survey)}/objects`;
type Rows = { total: number; objects: ObjectRow[] };

export const api = {
  surveys: () => ask<SurveyInfo[]>("/surveys"),
  sessions: () => ask<Session[]>("/sessions"),
  random: (survey: string, count: number, seed: number) => ask<Rows>(`${objects(survey)}?random=${count}&seed=${seed}`),
  diverse: (survey: string, model: string, count: number, seed: number) => ask<Rows>(`${objects(survey)}?diverse=${count}&model=${at(model)}&seed=${seed}`),
  byIds: (survey: string, ids: string) => ask<Rows>(`${objects(survey)}?ids=${at(ids)}`),
  neighbours: (survey: string, model: string, object: string, k: number) =>
    ask<{ objects: (ObjectRow & { similarity: number })[] }>(`${objects(survey)}/${at(object)}/neighbours?model=${at(model)}&k=${k}`),
  detail: (survey: string, object: string) => ask<ObjectDetail>(`${objects(survey)}/${at(object)}`),
  newSession: (session: NewSession) => ask<SessionState>("/sessions", session),
  session: (id: string, who: string) => ask<SessionState>(`/sessions/${at(id)}?who=${at(who)}`),
  events: (id: string) => ask<SessionEvent[]>(`/sessions/${at(id)}/events`),
  label: (id: string, who: string, labels: NewLabel[]) => ask<Saved>(`/sessions/${at(id)}/labels`, { who, labels }),
  undo: (id: string, who: string) => ask<Saved>(`/sessions/${at(id)}/undo`, { who }),
  redo: (id: string, who: string) => ask<Saved>(`/sessions/${at(id)}/redo`, { who }),
  alpha: (id: string, who: string, alpha: number) => ask<SessionState>(`/sessions/${at(id)}/alpha`, { who, alpha }),
  nextRound: (id: string, who: string) => ask<Page>(`/sessions/${at(id)}/rounds`, { who }),
  ranking: (id: string, query: URLSearchParams) => ask<Ranking>(`/sessions/${at(id)}/ranking?${query}`),
};

/** Address of a rendered stamp; `size` is rounded up to one that the server makes. */
export function pictureUrl(survey: string, object: string, size: number): string {
  const made = [64, 96, 128, 192, 256, 512].find((px) => px >= size) ?? 512;
  return `/api${objects(survey)}/${at(object)}/picture?size=${made}`;
}

export function exportUrl(session: string, format: string): string {
  return `/api/sessions/${at(session)}/export?format=${format}`;
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
export function listen(session: string, onMessage: (message: StreamMessage) => void, onState: (connected: boolean) => void): () => void {
  const source = new EventSource(`/api/sessions/${at(session)}/stream`);
  for (const type of ["progress", "page", "ranked", "events", "failed"])
    source.addEventListener(type, (event) => onMessage(JSON.parse((event as MessageEvent<string>).data) as StreamMessage));
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  return () => source.close();
}

export type { LabelValue };
