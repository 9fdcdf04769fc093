import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { codeOf, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { ByWho, NewRound, NewSession, Page, Session, SessionState, Who } from "../../contract/api.ts";
import { changeAlpha, createSession, describeSession, sessionState } from "../../loop/session.ts";
import { ownPage } from "../../loop/sight.ts";
import type { Compute } from "../compute.ts";
import type { Rounds } from "../rounds.ts";
import type { Workspace } from "../workspace.ts";
import { InSession } from "./params.ts";

/** Sessions: list, start, state, alpha, rounds. */
export function sessionRoutes(
  plain: FastifyInstance,
  { workspace, compute, rounds }: { workspace: Workspace; compute: Compute; rounds: Rounds },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const stateOf = (session: string, who: string | null) => stateIn(workspace, rounds, session, who);

  app.get("/api/sessions", { schema: { response: { 200: z.array(Session) } } }, () => sessionsOf(workspace));

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
        await workspace.sessionNames(),
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
}

/** Every session of every survey; a survey that cannot be read keeps none of the others back. */
async function sessionsOf(workspace: Workspace): Promise<Session[]> {
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
}

async function stateIn(workspace: Workspace, rounds: Rounds, session: string, who: string | null) {
  const served = await workspace.ofSession(session);
  await rounds.finishLast(served, session);
  const state = await sessionState(served.store, session, who, (await served.artefacts.scoredRound(session)) > 0);
  // The folder may have another name than when the session began.
  return { ...state, survey: served.survey.name };
}
