import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { Random } from "../../base/random.ts";
import { ObjectRow, SurveyInfo } from "../../contract/api.ts";
import { Lookup } from "../../contract/insight.ts";
import type { Compute } from "../compute.ts";
import type { Desk } from "../desk.ts";
import { modelOf, objectRow, surveyInfo, type Workspace } from "../workspace.ts";
import { InSurvey, wholeNumber } from "./params.ts";

const ListQuery = z.object({
  random: wholeNumber(1, 500).optional(),
  diverse: wholeNumber(1, 200).optional(),
  model: z.string().optional(),
  seed: wholeNumber(0, 2 ** 32 - 1).default(1),
  /** An id each, or several in one: on lines of their own, or else between commas or blanks. */
  ids: z.union([z.string().max(100_000), z.array(z.string().max(2000)).max(5000)]).optional(),
  /** A catalogue column: objects with a value of it, within `least` and `greatest` or equal to `equals`. */
  column: z.string().optional(),
  equals: z.string().optional(),
  least: z.coerce.number().optional(),
  greatest: z.coerce.number().optional(),
  sort: z.enum(["highest", "lowest", "catalogue"]).default("catalogue"),
  /** Places in the catalogue, from 0. */
  rows: z.string().max(20_000).optional(),
  offset: wholeNumber(0, 1e9).default(0),
  limit: wholeNumber(1, 500).default(100),
});

type Served = { workspace: Workspace; compute: Compute; desk: Desk };

/** Surveys, lists of their objects, lookup of ids and positions. */
export function surveyRoutes(plain: FastifyInstance, { workspace, compute, desk }: Served): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get("/api/surveys", { schema: { response: { 200: z.array(SurveyInfo) } } }, () =>
    workspace.all().map(surveyInfo),
  );
  app.get("/api/surveys/:survey", { schema: { params: InSurvey, response: { 200: SurveyInfo } } }, ({ params }) =>
    surveyInfo(workspace.get(params.survey)),
  );

  app.get(
    "/api/surveys/:survey/objects",
    {
      schema: {
        params: InSurvey,
        querystring: ListQuery,
        response: { 200: z.object({ total: z.number(), objects: z.array(ObjectRow) }) },
      },
    },
    async ({ params, query }) => {
      const served = workspace.get(params.survey);
      const rows = await listedRows({ workspace, compute, desk }, params.survey, query);
      return { total: served.survey.count, objects: rows.map((row) => objectRow(served, row)) };
    },
  );

  app.post(
    "/api/surveys/:survey/lookup",
    {
      schema: {
        params: InSurvey,
        body: Lookup,
        response: { 200: z.object({ objects: z.array(ObjectRow), missing: z.array(z.string()) }) },
      },
      bodyLimit: 24 * 2 ** 20,
    },
    async ({ params, body }) => {
      const served = workspace.get(params.survey);
      const { rows, missing } = await desk.lookup(served.survey, body);
      return { objects: rows.map((row) => objectRow(served, row)), missing };
    },
  );
}

/** The rows of the objects that a query lists: by a column, at random, by their features, by place or by id. */
async function listedRows(
  { workspace, compute, desk }: Served,
  name: string,
  query: z.infer<typeof ListQuery>,
): Promise<number[]> {
  const served = workspace.get(name);
  const { folder, count: total, indexOf } = served.survey;
  const { seed, random, diverse, ids, column, equals, least, greatest, sort, rows, offset, limit } = query;
  if (column !== undefined) return desk.byColumn(served.survey, { column, equals, least, greatest, sort, limit });
  if (random !== undefined) return new Random(seed).sample(total, Math.min(random, total));
  if (diverse !== undefined) {
    const found = await compute.run("diverse", { folder, model: modelOf(served, query.model), count: diverse, seed });
    return found.map(({ row }) => row);
  }
  if (rows !== undefined)
    return rows
      .split(",")
      .map(Number)
      .filter((row) => Number.isInteger(row) && row >= 0 && row < total);
  if (ids !== undefined) {
    const wanted = [ids].flat().flatMap((text) => idsIn(text, indexOf));
    return wanted.map((id) => workspace.row(name, id).row);
  }
  return Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, i) => offset + i);
}

/** The ids of a text: the whole of it where that is one, else its lines, else its words. */
function idsIn(text: string, indexOf: (id: string) => number | undefined): string[] {
  if (indexOf(text) !== undefined) return [text];
  const lines = text.split(/[\r\n]+/).filter((line) => line !== "");
  return lines.flatMap((line) => {
    if (indexOf(line) !== undefined) return [line];
    const parts = line.split(/[,;]/).map((part) => part.trim());
    if (parts.every((part) => part === "" || indexOf(part) !== undefined)) return parts.filter((part) => part !== "");
    return line.split(/[\s,;]+/).filter((word) => word !== "");
  });
}
