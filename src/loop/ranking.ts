/** A session's last ranking: its order, its rows with their labels, and the part of it that a filter lets through. */
import { descendingOrder } from "../base/order.ts";
import type { LabelState, RankedRow } from "../contract/api.ts";
import type { DrawnBox } from "../contract/fields.ts";
import type { RankingFilter } from "../contract/insight.ts";
import type { SessionRecord, SessionSettings, Store } from "../store/store.ts";
import type { CatalogueColumn } from "../survey/columns.ts";
import type { Survey } from "../survey/folder.ts";
import type { FoldedSession } from "./fold.ts";
import { foldNow } from "./folds.ts";
import type { OpenedSurvey } from "./opened.ts";
import { findSession } from "./session.ts";
import { sightIn } from "./sight.ts";
import { separationDeg } from "./sky-index.ts";
import { consensusOf, seenLabels } from "./team.ts";

interface Order {
  /** Rows of the catalogue, best score first; ties keep the catalogue's order. */
  rows: Uint32Array;
  scores: Float32Array;
  /** Whether there has been a ranking: all scores are 0 before. */
  isRanked: boolean;
}

/** The order of a session's last ranking with the labels of now. */
export interface RankingNow extends Order {
  labels: Record<string, LabelState>;
}

/** Orders of rankings, so that looking at page after page sorts a survey once. */
const orders = new Map<string, Order & { version: string }>();
const ORDERS_KEPT = 4;

/** The catalogue and the scores that a ranking is read from. */
export type RankingSource = Pick<OpenedSurvey, "survey" | "artefacts">;

async function orderOf({ survey, artefacts }: RankingSource, session: string): Promise<Order> {
  const key = `${survey.folder} ${session}`;
  const version = await artefacts.scoresVersion(session);
  const known = orders.get(key);
  if (known?.version === version) return known;
  const { count } = survey;
  const kept = await artefacts.scores(session, count);
  const scores = kept ?? new Float32Array(count);
  const rows = descendingOrder(scores);
  const made = { rows, scores, isRanked: kept !== null, version };
  orders.delete(key);
  orders.set(key, made);
  for (const oldest of orders.keys()) {
    if (orders.size <= ORDERS_KEPT) break;
    orders.delete(oldest);
  }
  return made;
}

/** What a ranking is read with: all that another thread needs beside the survey. */
export interface RankingRequest {
  session: string;
  /** How the session was begun. */
  begun: SessionSettings;
  labels: Record<string, LabelState>;
  /** Objects that people drew, which have no score and no place in the ranking. */
  boxes: Record<string, DrawnBox>;
  /** Another session beside it, where the filter names one. */
  other: { session: string; labels: Record<string, LabelState> } | null;
  filter: RankingFilter;
  /** What each person says of an object, and what that comes to where several share the session. */
  answers?: Record<string, { said: string; agreed: string }>;
}

/** For whom a ranking is read. */
export interface RankingReader {
  /** Of a session that people share blindly, only what this person may see; undefined: everything. */
  who?: string | null;
  /** With what each person says. */
  answers?: boolean;
  /** "person 1" and so on in place of names, in the order of first labels. */
  pseudonyms?: boolean;
}

const ALL: RankingFilter = { order: "score" };

/** Gathers a ranking's request from the store. Throws SESSION_UNKNOWN. */
export async function rankingRequest(
  store: Store,
  session: string,
  filter: RankingFilter = ALL,
  { who, answers = false, pseudonyms = false }: RankingReader = {},
): Promise<RankingRequest> {
  const nameOf = pseudonyms ? await pseudonymsIn(store, session) : (name: string) => name;
  const labelsOf = async (name: string) => {
    const { record, folded, sees } = await sightIn(store, name, who ?? null);
    const labels = who === undefined || record.team === undefined ? folded.labels : seenLabels(folded.labels, sees);
    if (!pseudonyms) return labels;
    return Object.fromEntries(Object.entries(labels).map(([id, label]) => [id, { ...label, who: nameOf(label.who) }]));
  };
  const { compare } = filter;
  const other = compare === undefined ? null : { session: compare, labels: await labelsOf(compare) };
  const begun = await findSession(store, session);
  const { boxes } = await foldNow(store, begun);
  const request = { session, begun, labels: await labelsOf(session), boxes: { ...boxes }, other, filter };
  return answers ? { ...request, answers: answersAsText(await foldNow(store, begun), begun, nameOf) } : request;
}

/** A name for each person of a session that tells nobody who it is: "person 1" labelled first. */
async function pseudonymsIn(store: Store, session: string): Promise<(name: string) => string> {
  const names = [...new Set((await store.events(session)).map(({ who }) => who))];
  return (name) => `person ${names.indexOf(name) + 1}`;
}

function answersAsText(
  folded: FoldedSession,
  record: SessionRecord,
  nameOf: (name: string) => string,
): Record<string, { said: string; agreed: string }> {
  const agreed = record.team === undefined ? null : consensusOf(folded, record);
  return Object.fromEntries(
    [...folded.answers].map(([object, held]) => {
      const consensus = agreed?.get(object);
      const word = consensus === undefined ? "" : consensus.positive ? "positive" : "negative";
      return [object, { said: held.map(({ who, value }) => `${nameOf(who)}: ${value}`).join("; "), agreed: word }];
    }),
  );
}

/** The ranking as it is now; without one yet in catalogue order with score 0. */
async function rankingOf(
  source: RankingSource,
  { session, labels }: Pick<RankingRequest, "session" | "labels">,
): Promise<RankingNow> {
  return { ...(await orderOf(source, session)), labels };
}

function rowAt({ rows, scores, labels }: RankingNow, survey: Survey, place: number): RankedRow {
  const row = rows[place];
  const { id, raDeg, decDeg, widthPx, heightPx } = survey.row(row);
  const label = labels[id];
  return {
    object: id,
    raDeg,
    decDeg,
    widthPx,
    heightPx,
    rank: place + 1,
    score: scores[row],
    label: label?.value ?? null,
    tags: label?.tags ?? [],
    round: label?.round ?? null,
    who: label?.who ?? null,
    at: label?.at ?? null,
    reason: label?.reason ?? null,
  };
}

/** What a filter lets through of a ranking, in its order. Rows are made when they are asked for. */
export interface Ranked {
  total: number;
  /** Whether there has been a ranking; all scores are 0 before. */
  isRanked: boolean;
  /** Of a place from 0 to `total` - 1. */
  at(place: number): RankedRow;
  /** The catalogue's row at a place. */
  rowOf(place: number): number;
}

/** The ranking that a request asks for, as it is now. */
export async function rankedNow(source: RankingSource, { filter, ...request }: RankingRequest): Promise<Ranked> {
  const { survey } = source;
  const ranking = await rankingOf(source, request);
  const other = request.other === null ? null : await rankingOf(source, request.other);
  const places = filtered(ranking, other, survey, filter);
  return {
    total: places.length,
    isRanked: ranking.isRanked,
    rowOf: (place) => ranking.rows[places[place]],
    at(place) {
      const row = rowAt(ranking, survey, places[place]);
      if (other !== null) {
        row.otherScore = other.scores[ranking.rows[places[place]]];
        row.otherLabel = other.labels[row.object]?.value ?? null;
      }
      return row;
    },
  };
}

/** The rows that a filter lets through, in its order: how many, and those from `offset` on, at most `limit`. */
export async function rankedRows(
  source: RankingSource,
  request: RankingRequest,
  { offset = 0, limit = Number.POSITIVE_INFINITY } = {},
): Promise<{ total: number; rows: RankedRow[] }> {
  const { total, at } = await rankedNow(source, request);
  const length = Math.max(0, Math.min(total - offset, limit));
  return { total, rows: Array.from({ length }, (_, i) => at(offset + i)) };
}

/** The labels of a ranking by their rows: a label names an object by its id. */
function labelsByRow({ labels }: RankingNow, survey: Survey): Map<number, LabelState> {
  return new Map(
    Object.entries(labels).flatMap(([id, label]) => {
      const row = survey.indexOf(id);
      return row === undefined ? [] : [[row, label] as const];
    }),
  );
}

/** The places whose scores lie between two bounds: one stretch of the ranking, which is in the order of its scores. */
function placesBetween({ rows, scores }: Order, least: number | undefined, greatest: number | undefined): Uint32Array {
  const firstWhere = (test: (score: number) => boolean) => {
    let [from, to] = [0, rows.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (test(scores[rows[middle]])) to = middle;
      else from = middle + 1;
    }
    return from;
  };
  const from = greatest === undefined ? 0 : firstWhere((score) => !(score > greatest));
  const to = firstWhere((score) =>
    Number.isNaN(score) ? least !== undefined || greatest !== undefined : score < (least ?? Number.NEGATIVE_INFINITY),
  );
  const places = new Uint32Array(Math.max(0, to - from));
  for (let i = 0; i < places.length; i++) places[i] = from + i;
  return places;
}

/** Those of some places whose rows pass a test; the test sees one row after another. The array is used again. */
function passing(places: Uint32Array, rows: Uint32Array, test: (row: number) => boolean): Uint32Array {
  let total = 0;
  for (const place of places) if (test(rows[place])) places[total++] = place;
  return places.subarray(0, total);
}

const compareCells = (a: number | string, b: number | string) => Number(a > b) - Number(a < b);

/**
 * Places of the ranking that a filter lets through. Columns are read whole: a survey of 200,000 objects has no time for
 * an object a row.
 */
function filtered(ranking: RankingNow, other: RankingNow | null, survey: Survey, filter: RankingFilter): Uint32Array {
  const { rows } = ranking;
  const [here, there] = [labelsByRow(ranking, survey), other === null ? null : labelsByRow(other, survey)];
  const tests: ((row: number) => boolean)[] = [];
  const { label, minScore, maxScore, tag, column, equals, least, greatest, ra, dec, radius, agreement, order } = filter;
  if (label !== undefined) {
    const isNone = label === "none";
    const marked = new Uint8Array(rows.length);
    for (const [row, { value }] of here) marked[row] = Number(isNone ? value !== null : value === label);
    tests.push((row) => (marked[row] === 1) !== isNone);
  }
  if (tag !== undefined) tests.push((row) => here.get(row)?.tags.includes(tag) ?? false);
  const values = column === undefined ? undefined : survey.column(column);
  if (values !== undefined)
    tests.push((row) => {
      const value = values.at(row);
      if (value === null || value === "") return false;
      if (equals !== undefined) return String(value) === equals;
      return (least === undefined || Number(value) >= least) && (greatest === undefined || Number(value) <= greatest);
    });
  if (ra !== undefined && dec !== undefined && radius !== undefined) {
    const [ras, decs] = [survey.column("ra"), survey.column("dec")] as CatalogueColumn[];
    tests.push((row) => {
      const [raDeg, decDeg] = [ras.at(row), decs.at(row)] as (number | null)[];
      return raDeg !== null && decDeg !== null && separationDeg(ra, dec, raDeg, decDeg) <= radius;
    });
  }
  if (there !== null && agreement !== undefined)
    tests.push((row) => {
      const [first, second] = [here.get(row)?.value ?? null, there.get(row)?.value ?? null];
      return first !== null && second !== null && (first === second) === (agreement === "agree");
    });
  const places = tests.reduce((kept, test) => passing(kept, rows, test), placesBetween(ranking, minScore, maxScore));
  return inOrder(places, order, { ranking, other, values, ids: survey.column("id") as CatalogueColumn });
}

interface OrderedBy {
  ranking: Order;
  other: Order | null;
  values: CatalogueColumn | undefined;
  ids: CatalogueColumn;
}

/** Places, which come best score first, in the order that a filter asks for. */
function inOrder(
  places: Uint32Array,
  order: RankingFilter["order"],
  { ranking: { rows, scores }, other, values, ids }: OrderedBy,
): Uint32Array {
  if (order === "lowest") return places.reverse();
  if ((order === "highest" || order === "smallest") && values !== undefined) {
    const direction = order === "highest" ? -1 : 1;
    const of = Array.from(places, (place) => values.at(rows[place]) as number | string);
    const sorted = Uint32Array.from(of.keys()).sort((a, b) => direction * compareCells(of[a], of[b]) || a - b);
    return sorted.map((i) => places[i]);
  }
  if (order === "id") {
    const names = Array.from(places, (place) => ids.at(rows[place]) as string);
    const sorted = Uint32Array.from(names.keys()).sort((a, b) => (names[a] < names[b] ? -1 : 1));
    return sorted.map((i) => places[i]);
  }
  const difference = (place: number) =>
    other === null ? 0 : Math.abs(scores[rows[place]] - other.scores[rows[place]]);
  if (order === "difference") return places.sort((a, b) => difference(b) - difference(a) || a - b);
  return places;
}
