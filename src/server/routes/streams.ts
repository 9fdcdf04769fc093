import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { codeOf, messageOf } from "../../base/errors.ts";
import type { StreamMessage } from "../../contract/api.ts";
import { findSession } from "../../loop/session.ts";
import { messageFor } from "../../loop/sight.ts";
import type { Person } from "../../store/accounts.ts";
import type { Store } from "../../store/store.ts";
import { type Streams, streamText } from "../stream.ts";
import type { Workspace } from "../workspace.ts";
import { InSession } from "./params.ts";

/** Live events of sessions, as server-sent events. */
export function streamRoutes(
  plain: FastifyInstance,
  { workspace, streams }: { workspace: Workspace; streams: Streams },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

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
