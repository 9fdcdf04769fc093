import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { ObjectId, Page, Ranking } from "../../contract/api.ts";
import {
  Imported,
  ImportLabels,
  LARGEST_TABLE,
  Learning,
  Preview,
  RankingFilter,
  ScorePurity,
  Why,
} from "../../contract/insight.ts";
import { Agreement } from "../../contract/team.ts";
import { agreementIn } from "../../loop/agreement.ts";
import { importLabels } from "../../loop/import-labels.ts";
import { learningOf, scoresAndLabels } from "../../loop/learning.ts";
import { undecidedIn } from "../../loop/manage.ts";
import { sessionPurity } from "../../loop/purity.ts";
import { rankingRequest } from "../../loop/ranking.ts";
import { sightIn } from "../../loop/sight.ts";
import type { Compute } from "../compute.ts";
import type { Desk } from "../desk.ts";
import type { Pictures } from "../pictures.ts";
import { writeReport } from "../report.ts";
import type { Workspace } from "../workspace.ts";
import { InSession } from "./params.ts";

const RankingPage = RankingFilter.extend({
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** How a session stands: its ranking, agreement, what is undecided, how well it goes. */
export function resultRoutes(plain: FastifyInstance, { workspace, desk }: { workspace: Workspace; desk: Desk }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get(
    "/api/sessions/:session/ranking",
    { schema: { params: InSession, querystring: RankingPage, response: { 200: Ranking } } },
    async ({ params, query, person }) => {
      const { survey, store } = await workspace.ofSession(params.session);
      const { offset, limit, ...filter } = query;
      const request = await rankingRequest(store, params.session, filter, { who: person?.name ?? null });
      return { offset, ...(await desk.ranking(survey, { request, offset, limit })) };
    },
  );

  app.get(
    "/api/sessions/:session/agreement",
    { schema: { params: InSession, response: { 200: Agreement } } },
    async ({ params: { session } }) => agreementIn((await workspace.ofSession(session)).store, session),
  );

  app.get(
    "/api/sessions/:session/undecided",
    { schema: { params: InSession, response: { 200: Page } } },
    async ({ params: { session } }) => undecidedIn((await workspace.ofSession(session)).store, session),
  );

  app.get(
    "/api/sessions/:session/learning",
    { schema: { params: InSession, response: { 200: Learning } } },
    async ({ params: { session } }) => learningOf(await workspace.ofSession(session), session),
  );

  app.get(
    "/api/sessions/:session/purity",
    { schema: { params: InSession, response: { 200: ScorePurity.nullable() } } },
    async ({ params: { session } }) => {
      const opened = await workspace.ofSession(session);
      return sessionPurity(opened, session, () => desk.detectorScores(opened.survey));
    },
  );
}

/** Why objects have their scores, and what would come next. */
export function reasonRoutes(
  plain: FastifyInstance,
  { workspace, compute }: { workspace: Workspace; compute: Compute },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get(
    "/api/sessions/:session/why/:object",
    { schema: { params: InSession.extend({ object: ObjectId }), response: { 200: Why } } },
    async ({ params: { session, object }, person }) => {
      const { survey, store } = await workspace.ofSession(session);
      const { row } = workspace.row(survey.name, object);
      const why = await compute.run("why", { folder: survey.folder, session, row });
      const { sees } = await sightIn(store, session, person?.name ?? null);
      return { ...why, examples: why.examples.filter((example) => sees(example.object)) };
    },
  );

  app.get(
    "/api/sessions/:session/preview",
    { schema: { params: InSession, response: { 200: Preview } } },
    async ({ params: { session } }) => {
      const { survey } = await workspace.ofSession(session);
      return compute.run("preview", { folder: survey.folder, session });
    },
  );
}

/** A session's outcome as a whole, out and in: scores, import of labels, report. */
export function outcomeRoutes(
  plain: FastifyInstance,
  { workspace, desk, pictures }: { workspace: Workspace; desk: Desk; pictures: Pictures },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  /**
   * Float32 scores of all objects in catalogue order, then a byte each: 0 no label, 1 positive, 2 negative, 3 unsure.
   */
  app.get(
    "/api/sessions/:session/scores",
    { schema: { params: InSession } },
    async ({ params: { session }, person }, reply) => {
      const served = await workspace.ofSession(session);
      const { scores, labels } = await scoresAndLabels(served, session, person?.name ?? null);
      return reply
        .type("application/octet-stream")
        .send(Buffer.concat([Buffer.from(scores.buffer, scores.byteOffset, scores.byteLength), labels]));
    },
  );

  app.post(
    "/api/sessions/:session/import",
    { schema: { params: InSession, body: ImportLabels, response: { 200: Imported } }, bodyLimit: LARGEST_TABLE },
    async ({ params, body }) => {
      const { survey, store } = await workspace.ofSession(params.session);
      const known = { name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf };
      const rows = await desk.labels(survey, { text: body.text });
      return importLabels(store, known, params.session, body.who, rows, body.apply);
    },
  );

  app.get(
    "/api/sessions/:session/report",
    {
      schema: {
        params: InSession,
        querystring: z.object({ top: z.coerce.number().int().min(1).max(500).default(100) }),
      },
    },
    async ({ params: { session }, query }, reply) => {
      const served = await workspace.ofSession(session);
      const html = await writeReport(served, session, { pictures, desk }, query.top);
      return reply
        .header("Content-Disposition", `attachment; filename="${session}.html"`)
        .type("text/html; charset=utf-8")
        .send(html);
    },
  );
}
