import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { ObjectRow } from "../../contract/api.ts";
import { LARGEST_TABLE } from "../../contract/insight.ts";
import { voError } from "../../survey/votable.ts";
import type { Desk } from "../desk.ts";
import type { ServedSurvey, Workspace } from "../workspace.ts";
import { InSurvey } from "./params.ts";

const Cone = z.object({
  ra: z.coerce.number().min(0).max(360),
  dec: z.coerce.number().min(-90).max(90),
  /** Degrees. */
  radius: z.coerce.number().min(0).max(180),
  limit: z.coerce.number().int().min(0).max(10_000).default(1000),
});
const MatchTable = z.object({
  /** A table with a header, and columns of positions. */
  text: z.string().max(LARGEST_TABLE),
  radiusArcsec: z.number().min(0).max(3600).default(1),
});
const Matches = z.object({
  matched: z.number().int(),
  ambiguous: z.number().int(),
  rows: z.array(
    z.object({ object: z.string().nullable(), separationArcsec: z.number().nullable(), sharedBy: z.number().int() }),
  ),
});

function nearRow({ survey }: ServedSurvey, row: number, separationDeg: number) {
  const { id, raDeg, decDeg, widthPx, heightPx } = survey.row(row);
  return { object: id, raDeg, decDeg, widthPx, heightPx, separationArcsec: separationDeg * 3600 };
}

/** Positions: cone search for the page and for programs of the Virtual Observatory, matches of tables. */
export function voRoutes(plain: FastifyInstance, { workspace, desk }: { workspace: Workspace; desk: Desk }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get(
    "/api/surveys/:survey/cone",
    {
      schema: {
        params: InSurvey,
        querystring: Cone,
        response: {
          200: z.object({ total: z.number(), objects: z.array(ObjectRow.extend({ separationArcsec: z.number() })) }),
        },
      },
    },
    async ({ params, query: { ra, dec, radius, limit } }) => {
      const served = workspace.get(params.survey);
      const { total, near } = await desk.cone(served.survey, { raDeg: ra, decDeg: dec, radiusDeg: radius, limit });
      return { total, objects: near.map(({ row, separationDeg }) => nearRow(served, row, separationDeg)) };
    },
  );

  app.post(
    "/api/surveys/:survey/match",
    { schema: { params: InSurvey, body: MatchTable, response: { 200: Matches } }, bodyLimit: LARGEST_TABLE },
    ({ params, body }) => desk.match(workspace.get(params.survey).survey, body),
  );

  const scs = async (survey: string | undefined, query: unknown) => {
    const names = workspace.all().map((served) => served.survey.name);
    const name = survey ?? names[0];
    if (!names.includes(name)) return voError(`no survey ${name} is served here; there is ${names.join(", ")}`);
    const parameters = Object.entries(query as Record<string, string | string[]>).map(([key, value]) => [
      key,
      String([value].flat()[0]),
    ]);
    return desk.coneSearch(workspace.get(name).survey, Object.fromEntries(parameters));
  };
  // Simple Cone Search: of the first survey, or of one by its name.
  app.get("/vo/scs", async ({ query }, reply) =>
    reply.type("application/x-votable+xml").send(await scs(undefined, query)),
  );
  app.get("/vo/:survey/scs", { schema: { params: InSurvey } }, async ({ params, query }, reply) =>
    reply.type("application/x-votable+xml").send(await scs(params.survey, query)),
  );
}
