import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { NewLabels, Saved, SessionEvent, Step } from "../../contract/api.ts";
import { addLabels, stepBack } from "../../loop/session.ts";
import { sightIn } from "../../loop/sight.ts";
import { heardEvents } from "../../loop/team.ts";
import { fieldOf } from "../detections.ts";
import type { Workspace } from "../workspace.ts";
import { InSession } from "./params.ts";

/** What people say of a session's objects: events, labels, undo and redo. */
export function labelRoutes(plain: FastifyInstance, { workspace }: { workspace: Workspace }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

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
      const { name, indexOf, header } = survey;
      const about = { name, dataHash: header.dataHash, indexOf, fieldOf: (field: string) => fieldOf(survey, field) };
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
}
