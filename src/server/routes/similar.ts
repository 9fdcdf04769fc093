import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { SkyloopError } from "../../base/errors.ts";
import { SimilarObject, SimilarRequest, UnusualObject } from "../../contract/similar.ts";
import type { Compute } from "../compute.ts";
import type { Desk } from "../desk.ts";
import { modelOf, objectRow, type ServedSurvey, type Workspace } from "../workspace.ts";
import { InSurvey } from "./params.ts";

const UnusualQuery = z.object({
  model: z.string().optional(),
  count: z.coerce.number().int().min(1).max(500).default(48),
  seed: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
});

/** Objects by what they are like: like examples and unlike others, or like nothing else. */
export function similarRoutes(
  plain: FastifyInstance,
  { workspace, compute, desk }: { workspace: Workspace; compute: Compute; desk: Desk },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const idOf = ({ survey }: ServedSurvey, row: number) => survey.row(row).id;

  /** The most unusual objects first, each with its nearest neighbours and what is far from the others' in it. */
  app.get(
    "/api/surveys/:survey/unusual",
    {
      schema: {
        params: InSurvey,
        querystring: UnusualQuery,
        response: { 200: z.object({ objects: z.array(UnusualObject) }) },
      },
    },
    async ({ params, query: { model, count, seed } }) => {
      const served = workspace.get(params.survey);
      const ask = { folder: served.survey.folder, model: modelOf(served, model), count, seed };
      const found = await compute.run("unusual", ask);
      return {
        objects: found.map(({ row, score, near, far }) => ({
          ...objectRow(served, row),
          score,
          near: near.map((one) => ({ object: idOf(served, one.row), similarity: one.similarity })),
          far,
        })),
      };
    },
  );

  /** Objects like examples (by id, position or picture) and unlike counterexamples; every object is compared. */
  app.post(
    "/api/surveys/:survey/similar",
    {
      schema: {
        params: InSurvey,
        body: SimilarRequest,
        response: { 200: z.object({ objects: z.array(SimilarObject) }) },
      },
      bodyLimit: 48 * 2 ** 20,
    },
    async ({ params, body }) => {
      const served = workspace.get(params.survey);
      const { at, radiusArcsec, pictures, k } = body;
      const rowsOf = (ids: string[]) => ids.map((id) => workspace.row(params.survey, id).row);
      const like = rowsOf(body.like);
      if (at !== undefined) {
        const { rows, missing } = await desk.lookup(served.survey, { text: at, radiusArcsec });
        if (missing.length > 0)
          throw new SkyloopError(
            "NOTHING_AT_POSITION",
            `survey ${params.survey} has nothing within ${radiusArcsec} arcsec of ${missing.slice(0, 3).join("; ")}`,
          );
        like.push(...rows);
      }
      const found = await compute.run("similar", {
        folder: served.survey.folder,
        model: modelOf(served, body.model),
        like,
        unlike: rowsOf(body.unlike),
        pictures: pictures.map((text) => Buffer.from(text, "base64")),
        k,
      });
      return {
        objects: found.map(({ row, similarity, duplicates }) => ({
          ...objectRow(served, row),
          similarity,
          duplicates: duplicates.map((other) => idOf(served, other)),
        })),
      };
    },
  );
}
