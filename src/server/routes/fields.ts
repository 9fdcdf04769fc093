import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { SkyloopError } from "../../base/errors.ts";
import { AskCandidates, Candidate, FieldInfo, FieldView } from "../../contract/fields.ts";
import { fieldFolder, fieldTile } from "../../survey/detections.ts";
import type { Desk } from "../desk.ts";
import { mustHaveField } from "../detections.ts";
import type { Workspace } from "../workspace.ts";
import { InSurvey } from "./params.ts";

const InField = InSurvey.extend({ field: z.string().min(1).max(200) });
/** Level, column and row of a tile of an image's picture. */
const InTile = InField.extend({ tile: z.string().regex(/^\d{1,2}-\d{1,5}-\d{1,5}$/, "is LEVEL-COLUMN-ROW") });

/** The images of a survey of detections, their pictures, and where in them each candidate lies. */
export function fieldRoutes(plain: FastifyInstance, { workspace, desk }: { workspace: Workspace; desk: Desk }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get(
    "/api/surveys/:survey/fields",
    { schema: { params: InSurvey, response: { 200: z.array(FieldInfo) } } },
    ({ params }) => desk.fields(workspace.get(params.survey).survey),
  );

  app.get(
    "/api/surveys/:survey/fields/:field",
    { schema: { params: InField, response: { 200: FieldView } } },
    async ({ params }, reply) => {
      const json = await desk.field(workspace.get(params.survey).survey, params.field);
      return reply
        .type("application/json; charset=utf-8")
        .send(Buffer.from(json.buffer, json.byteOffset, json.byteLength) as never);
    },
  );

  app.get(
    "/api/surveys/:survey/fields/:field/tiles/:tile",
    { schema: { params: InTile } },
    async ({ params, headers }, reply) => {
      const { survey } = workspace.get(params.survey);
      const { place } = mustHaveField(survey, params.field);
      const [level, column, row] = params.tile.split("-").map(Number);
      const file = join(survey.folder, fieldFolder(place), fieldTile(level, column, row));
      if (!existsSync(file))
        throw new SkyloopError(
          "TILE_UNKNOWN",
          `image ${params.field} has no part ${params.tile}; see its levels and tilePx`,
        );
      const tag = `"${survey.header.dataHash.slice(0, 12)}-${place}-${params.tile}"`;
      reply.header("ETag", tag).header("Cache-Control", "private, max-age=3600");
      if (headers["if-none-match"] === tag) return reply.code(304).send();
      return reply.type("image/webp").send(await readFile(file));
    },
  );

  app.post(
    "/api/surveys/:survey/candidates",
    { schema: { params: InSurvey, body: AskCandidates, response: { 200: z.array(Candidate) } } },
    ({ params, body }) => desk.candidates(workspace.get(params.survey).survey, body.objects),
  );
}
