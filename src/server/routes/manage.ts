import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { CopySession, Page, Session, SessionChange } from "../../contract/api.ts";
import { changeSession, copySession, pageOf, skippedIn } from "../../loop/manage.ts";
import { describeSession } from "../../loop/session.ts";
import { ownPage } from "../../loop/sight.ts";
import type { Workspace } from "../workspace.ts";
import { InSession } from "./params.ts";

/** Sessions as a whole (rename, archive, delete, copy) and their earlier pages. */
export function manageRoutes(plain: FastifyInstance, { workspace }: { workspace: Workspace }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.post(
    "/api/sessions/:session/change",
    { schema: { params: InSession, body: SessionChange, response: { 200: Session } } },
    async ({ params: { session }, body }) => {
      const { survey, store } = await workspace.ofSession(session);
      await changeSession(store, session, body);
      return { ...(await describeSession(store, session)), survey: survey.name };
    },
  );

  app.post(
    "/api/sessions/:session/copy",
    { schema: { params: InSession, body: CopySession, response: { 201: Session } } },
    async ({ params: { session }, body }, reply) => {
      const { survey, store } = await workspace.ofSession(session);
      const copy = await copySession(store, session, body.who, body.target, await workspace.sessionNames());
      return reply.code(201).send({ ...(await describeSession(store, copy)), survey: survey.name });
    },
  );

  app.get(
    "/api/sessions/:session/rounds/:round",
    {
      schema: {
        params: InSession.extend({ round: z.coerce.number().int().min(1) }),
        response: { 200: Page },
      },
    },
    async ({ params: { session, round }, person }) => {
      const { store } = await workspace.ofSession(session);
      return ownPage(store, session, person?.name ?? null, await pageOf(store, session, round));
    },
  );

  app.get(
    "/api/sessions/:session/skipped",
    { schema: { params: InSession, response: { 200: Page } } },
    async ({ params: { session } }) => skippedIn((await workspace.ofSession(session)).store, session),
  );
}
