import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { LabelValue, ObjectId, type RankedRow, Ranking, SessionId } from "../../contract/api.ts";
import { Imported, ImportLabels, Learning, Why } from "../../contract/insight.ts";
import { advise, histogramOf, readAssessments } from "../../loop/assess.ts";
import { rankedRows } from "../../loop/export.ts";
import { importLabels } from "../../loop/import-labels.ts";
import { separationDeg } from "../../loop/lookup.ts";
import { readScores } from "../../loop/scores.ts";
import { describeSession, sessionState } from "../../loop/session.ts";
import type { Compute } from "../compute.ts";
import type { Pictures } from "../pictures.ts";
import { writeReport } from "../report.ts";
import type { Streams } from "../stream.ts";
import type { Served, Workspace } from "../workspace.ts";

const InSession = z.object({ session: SessionId });
const Filter = z.object({
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  label: z.union([LabelValue, z.literal("none")]).optional(),
  minScore: z.coerce.number().optional(),
  maxScore: z.coerce.number().optional(),
  tag: z.string().optional(),
  /** A catalogue column, with the least and the greatest value, or the value (as text). */
  column: z.string().optional(),
  least: z.coerce.number().optional(),
  greatest: z.coerce.number().optional(),
  equals: z.string().optional(),
  /** A cone on the sky, degrees. */
  ra: z.coerce.number().optional(),
  dec: z.coerce.number().optional(),
  radius: z.coerce.number().positive().optional(),
  /** Another session on the same survey, whose score and label are put beside. */
  compare: SessionId.optional(),
  /** With `compare`: only objects whose labels differ, or agree; both sessions must have answered. */
  agreement: z.enum(["differ", "agree"]).optional(),
  order: z.enum(["score", "id", "difference"]).default("score"),
});

const LABEL_CODES = { positive: 1, negative: 2, unsure: 3, clear: 0 } as const;

/** A session's outcome: ranking, how well it goes, reasons, import, report. */
export function resultRoutes(
  plain: FastifyInstance,
  { workspace, compute, streams, pictures }: { workspace: Workspace; compute: Compute; streams: Streams; pictures: Pictures },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get("/api/sessions/:session/ranking", { schema: { params: InSession, querystring: Filter, response: { 200: Ranking } } }, ({ params, query }) => {
    const rows = filtered(workspace.ofSession(params.session), params.session, query);
    return { total: rows.length, offset: query.offset, rows: rows.slice(query.offset, query.offset + query.limit) };
  });

  app.get("/api/sessions/:session/learning", { schema: { params: InSession, response: { 200: Learning } } }, ({ params: { session } }) => {
    const { survey, store } = workspace.ofSession(session);
    const scores = readScores(survey.folder, session, survey.rows.length);
    const state = sessionState(store, session, null, scores !== null);
    const labelled = Object.entries(state.labels).flatMap(([object, { value }]) => {
      const row = survey.indexOf(object);
      return row === undefined || (value !== "positive" && value !== "negative") ? [] : [{ row, positive: value === "positive" }];
    });
    const assessments = readAssessments(survey.folder, session);
    return {
      histogram: scores === null ? null : histogramOf(scores, labelled),
      assessments,
      advice: advise(state.rounds, assessments, state.page?.exhausted ?? false),
    };
  });

  app.get(
    "/api/sessions/:session/why/:object",
    { schema: { params: InSession.extend({ object: ObjectId }), response: { 200: Why } } },
    ({ params: { session, object } }) => {
      const { survey, store } = workspace.ofSession(session);
      const { row } = workspace.row(survey.name, object);
      return compute.why({ kind: "why", folder: survey.folder, model: describeSession(store, session).model, session, row });
    },
  );

  /** Float32 scores of all objects in catalogue order, then a byte each: 0 no label, 1 positive, 2 negative, 3 unsure. */
  app.get("/api/sessions/:session/scores", { schema: { params: InSession } }, async ({ params: { session } }, reply) => {
    const { survey, store } = workspace.ofSession(session);
    const count = survey.rows.length;
    const scores = readScores(survey.folder, session, count) ?? new Float32Array(count);
    const labels = new Uint8Array(count);
    for (const [object, { value }] of Object.entries(sessionState(store, session, null, true).labels)) {
      const row = survey.indexOf(object);
      if (row !== undefined && value !== null) labels[row] = LABEL_CODES[value];
    }
    return reply.type("application/octet-stream").send(Buffer.concat([Buffer.from(scores.buffer, scores.byteOffset, scores.byteLength), labels]));
  });

  app.post("/api/sessions/:session/import", { schema: { params: InSession, body: ImportLabels, response: { 200: Imported } } }, ({ params, body }) => {
    const { survey, store } = workspace.ofSession(params.session);
    const known = { name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf };
    const imported = importLabels(store, known, params.session, body.who, body.text, body.apply);
    if (body.apply) streams.flush(params.session);
    return imported;
  });

  app.get(
    "/api/sessions/:session/report",
    { schema: { params: InSession, querystring: z.object({ top: z.coerce.number().int().min(1).max(500).default(100) }) } },
    async ({ params: { session }, query }, reply) => {
      const served = workspace.ofSession(session);
      const html = await writeReport(served, session, pictures, query.top);
      return reply.header("Content-Disposition", `attachment; filename="${session}.html"`).type("text/html; charset=utf-8").send(html);
    },
  );
}

/** The ranking's rows that a filter lets through, in its order. */
function filtered(served: Served, session: string, query: z.infer<typeof Filter>): RankedRow[] {
  const { survey, store } = served;
  const inColumn = (row: number): boolean => {
    if (query.column === undefined) return true;
    const value = survey.rows[row].columns[query.column];
    if (value === null || value === undefined || value === "") return false;
    if (query.equals !== undefined) return String(value) === query.equals;
    return (query.least === undefined || Number(value) >= query.least) && (query.greatest === undefined || Number(value) <= query.greatest);
  };
  const { ra, dec, radius } = query;
  const inCone = ({ raDeg, decDeg }: RankedRow): boolean =>
    ra === undefined || dec === undefined || radius === undefined || (raDeg !== null && decDeg !== null && separationDeg(ra, dec, raDeg, decDeg) <= radius);
  const other = query.compare === undefined ? null : new Map(rankedRows(store, survey, query.compare).map((row) => [row.object, row]));
  const rows = rankedRows(store, survey, session).filter(
    (row) =>
      (query.label === undefined || row.label === (query.label === "none" ? null : query.label)) &&
      (query.minScore === undefined || row.score >= query.minScore) &&
      (query.maxScore === undefined || row.score <= query.maxScore) &&
      (query.tag === undefined || row.tags.includes(query.tag)) &&
      inCone(row) &&
      inColumn(survey.indexOf(row.object) ?? -1),
  );
  if (other !== null)
    for (const row of rows) {
      const beside = other.get(row.object);
      row.otherScore = beside?.score ?? null;
      row.otherLabel = beside?.label ?? null;
    }
  const kept =
    query.agreement === undefined
      ? rows
      : rows.filter(({ label, otherLabel }) => label !== null && otherLabel != null && (label === otherLabel) === (query.agreement === "agree"));
  if (query.order === "id") kept.sort((a, b) => (a.object < b.object ? -1 : 1));
  const difference = ({ score, otherScore }: RankedRow) => Math.abs(score - (otherScore ?? score));
  if (query.order === "difference") kept.sort((a, b) => difference(b) - difference(a) || a.rank - b.rank);
  return kept;
}
