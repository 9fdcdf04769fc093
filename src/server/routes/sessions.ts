import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { codeOf, messageOf } from "../../base/errors.ts";
import { exportPrefix } from "../../base/leftovers.ts";
import { log } from "../../base/log.ts";
import {
  ByWho,
  ExportFormat,
  NewLabels,
  NewRound,
  NewSession,
  Page,
  Saved,
  Session,
  SessionEvent,
  SessionId,
  SessionState,
  Step,
  type StreamMessage,
  Who,
} from "../../contract/api.ts";
import { RankingFilter } from "../../contract/insight.ts";
import { EXPORT_SUFFIX, SAFE_CELLS } from "../../loop/export.ts";
import { rankingRequest } from "../../loop/ranking.ts";
import {
  addLabels,
  changeAlpha,
  createSession,
  describeSession,
  findSession,
  sessionState,
  stepBack,
} from "../../loop/session.ts";
import { messageFor, ownPage, sightIn } from "../../loop/sight.ts";
import { heardEvents } from "../../loop/team.ts";
import type { Person } from "../../store/accounts.ts";
import type { Store } from "../../store/store.ts";
import type { Compute } from "../compute.ts";
import type { Desk } from "../desk.ts";
import type { Rounds } from "../rounds.ts";
import { type Streams, streamText } from "../stream.ts";
import type { Workspace } from "../workspace.ts";

const InSession = z.object({ session: SessionId });
const ExportQuery = RankingFilter.extend({
  format: ExportFormat,
  /** Text of a CSV that gets an apostrophe where a spreadsheet would compute it. */
  safe: z.enum(SAFE_CELLS).optional(),
  /** Names of people, or "person 1" and so on in the order of their first labels. */
  names: z.enum(["names", "pseudonyms"]).default("names"),
  /** Further columns, repeated: rank, reason, time, file, or any of the catalogue. */
  columns: z.union([z.string(), z.array(z.string()).max(200)]).optional(),
});

/** Sessions: start, label, undo, rounds, ranking, export, live events. */
export function sessionRoutes(
  plain: FastifyInstance,
  {
    workspace,
    compute,
    desk,
    rounds,
    streams,
  }: { workspace: Workspace; compute: Compute; desk: Desk; rounds: Rounds; streams: Streams },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const stateOf = async (session: string, who: string | null) => {
    const served = await workspace.ofSession(session);
    await rounds.finishLast(served, session);
    const state = await sessionState(served.store, session, who, (await served.artefacts.scoredRound(session)) > 0);
    // The folder may have another name than when the session began.
    return { ...state, survey: served.survey.name };
  };

  app.get("/api/sessions", { schema: { response: { 200: z.array(Session) } } }, async () => {
    const found: Session[] = [];
    for (const { survey, store } of workspace.all())
      try {
        for (const { session } of await store.sessions())
          found.push({ ...(await describeSession(store, session)), survey: survey.name });
      } catch (error) {
        log.warn({ survey: survey.name, code: codeOf(error) }, messageOf(error));
        if (workspace.all().length === 1) throw error;
      }
    return found;
  });

  app.post(
    "/api/sessions",
    { schema: { body: NewSession, response: { 201: SessionState } } },
    async ({ body }, reply) => {
      const { survey, store, artefacts } = workspace.get(body.survey);
      const features = await artefacts.features(body.model);
      const { weightsHash } = features;
      features.close();
      const session = await createSession(
        store,
        { name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf },
        weightsHash,
        body,
      );
      compute.run("warm", { folder: survey.folder, model: body.model }).catch(() => {});
      return reply.code(201).send(await stateOf(session, body.who));
    },
  );

  app.get(
    "/api/sessions/:session",
    { schema: { params: InSession, querystring: z.object({ who: Who.optional() }), response: { 200: SessionState } } },
    ({ params, query }) => stateOf(params.session, query.who ?? null),
  );

  app.get(
    "/api/sessions/:session/events",
    {
      schema: {
        params: InSession,
        querystring: z.object({ after: z.coerce.number().int().min(0).default(0) }),
        response: { 200: z.array(SessionEvent) },
      },
    },
    async ({ params: { session }, query, person }) => {
      const { store } = await workspace.ofSession(session);
      const { sees } = await sightIn(store, session, person?.name ?? null);
      return heardEvents(await store.events(session, query.after), person?.name ?? null, sees);
    },
  );

  app.post(
    "/api/sessions/:session/labels",
    { schema: { params: InSession, body: NewLabels, response: { 200: Saved } } },
    async ({ params, body }) => {
      const { survey, store } = await workspace.ofSession(params.session);
      const about = { name: survey.name, dataHash: survey.header.dataHash, indexOf: survey.indexOf };
      return addLabels(store, about, params.session, body);
    },
  );

  for (const kind of ["undo", "redo"] as const)
    app.post(
      `/api/sessions/:session/${kind}`,
      { schema: { params: InSession, body: Step, response: { 200: Saved } } },
      async ({ params, body: { who, clientKey } }) =>
        stepBack((await workspace.ofSession(params.session)).store, params.session, who, kind, clientKey),
    );

  app.post(
    "/api/sessions/:session/alpha",
    {
      schema: {
        params: InSession,
        body: ByWho.extend({ alpha: z.number().min(0).max(1) }),
        response: { 200: SessionState },
      },
    },
    async ({ params, body }) => {
      await changeAlpha((await workspace.ofSession(params.session)).store, params.session, body.who, body.alpha);
      return stateOf(params.session, body.who);
    },
  );

  app.post(
    "/api/sessions/:session/rounds",
    { schema: { params: InSession, body: NewRound, response: { 200: Page } } },
    async ({ params: { session }, body }) => {
      const served = await workspace.ofSession(session);
      return ownPage(served.store, session, body.who, await rounds.next(served, session, body));
    },
  );

  app.get(
    "/api/sessions/:session/export",
    { schema: { params: InSession, querystring: ExportQuery } },
    async ({ params, query }, reply) => {
      const { survey, store } = await workspace.ofSession(params.session);
      const folder = await mkdtemp(join(tmpdir(), exportPrefix()));
      const file = join(folder, `table.${EXPORT_SUFFIX[query.format]}`);
      try {
        const { format, columns = [], safe, names, ...filter } = query;
        const pseudonyms = names === "pseudonyms";
        const request = await rankingRequest(store, params.session, filter, { answers: true, pseudonyms });
        await desk.export(survey, { request, format, path: file, columns: [columns].flat(), safe });
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
      const stream = createReadStream(file).on("close", () => void rm(folder, { recursive: true, force: true }));
      return reply
        .header("Content-Disposition", `attachment; filename="${params.session}.${EXPORT_SUFFIX[query.format]}"`)
        .type(
          query.format === "csv"
            ? "text/csv; charset=utf-8"
            : query.format === "votable"
              ? "application/x-votable+xml"
              : "application/octet-stream",
        )
        .send(stream);
    },
  );

  app.get(
    "/api/sessions/:session/stream",
    { schema: { params: InSession, querystring: z.object({ after: z.coerce.number().int().min(0).optional() }) } },
    async ({ params, query, headers, person }, reply) => {
      const { store } = await workspace.ofSession(params.session);
      const last = async () => (await store.events(params.session)).at(-1)?.seq ?? 0;
      const known = Number(headers["last-event-id"] ?? query.after ?? (await last()));
      const adapt = await adaptTo(store, params.session, person);
      streams.add(store, params.session, openStream(reply), Number.isFinite(known) ? known : 0, { adapt });
    },
  );

  /** Several sessions in one stream, so that the windows of a browser need only one. Unknown sessions are left out. */
  app.get(
    "/api/stream",
    { schema: { querystring: z.object({ sessions: z.string().max(8000) }) } },
    async ({ query, person }, reply) => {
      const stream = openStream(reply);
      for (const session of new Set(query.sessions.split(",")))
        try {
          const { store } = await workspace.ofSession(session);
          const adapt = await adaptTo(store, session, person);
          streams.add(store, session, stream, (await store.events(session)).at(-1)?.seq ?? 0, { many: true, adapt });
        } catch (error) {
          // One session that is unknown or cannot be read keeps none of the others waiting.
          if (codeOf(error) === "SESSION_UNKNOWN") continue;
          const message = { type: "failed" as const, code: codeOf(error) ?? "INTERNAL", message: messageOf(error) };
          stream.raw.write(streamText(session, message, { many: true }));
        }
    },
  );
}

/** What a person may hear of a session; null where that is everything. */
async function adaptTo(store: Store, session: string, person: Person | null) {
  const record = await findSession(store, session);
  if (record.team === undefined) return null;
  return (message: StreamMessage) => messageFor(store, record, person?.name ?? null, message);
}

/** Begins server-sent events; the reply stays open. */
function openStream(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    Connection: "keep-alive",
  });
  reply.raw.write(": connected\n\n");
  return reply;
}
