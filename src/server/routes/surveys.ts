import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import { ObjectDetail, ObjectId, ObjectRow, SurveyInfo } from "../../contract/api.ts";
import { Lookup } from "../../contract/insight.ts";
import { shownBands } from "../../stamps/render.ts";
import { cutoutAsFits } from "../../survey/cutout.ts";
import { linksOf } from "../../survey/links.ts";
import type { Compute } from "../compute.ts";
import type { Desk } from "../desk.ts";
import { PICTURE_SIZES, type Pictures } from "../pictures.ts";
import { type ServedSurvey, surveyInfo, type Workspace } from "../workspace.ts";

const InSurvey = z.object({ survey: z.string() });
const InObject = InSurvey.extend({ object: ObjectId });
const whole = (low: number, high: number) => z.coerce.number().int().min(low).max(high);
const ListQuery = z.object({
  random: whole(1, 500).optional(),
  diverse: whole(1, 200).optional(),
  model: z.string().optional(),
  seed: whole(0, 2 ** 32 - 1).default(1),
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
  offset: whole(0, 1e9).default(0),
  limit: whole(1, 500).default(100),
});

/** What a list shows of an object. */
export function objectRow({ survey }: ServedSurvey, row: number): z.infer<typeof ObjectRow> {
  const { id, raDeg, decDeg, widthPx, heightPx } = survey.row(row);
  return { object: id, raDeg, decDeg, widthPx, heightPx };
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

/** The model asked for, else the survey's first finished feature set. */
export function modelOf(served: ServedSurvey, wanted: string | undefined): string {
  const sets = surveyInfo(served).features.filter(({ done, total }) => done === total);
  const model = wanted ?? sets[0]?.model;
  if (model === undefined || !sets.some((set) => set.model === model))
    throw new SkyloopError(
      "FEATURES_MISSING",
      `survey ${served.survey.name} has no finished features${wanted === undefined ? "" : ` of ${wanted}`}; run \`skyloop embed\``,
    );
  return model;
}

/** Surveys, their objects, pictures and pixels. */
export function surveyRoutes(
  plain: FastifyInstance,
  { workspace, compute, desk, pictures }: { workspace: Workspace; compute: Compute; desk: Desk; pictures: Pictures },
): void {
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
      const total = served.survey.count;
      const rows = async (): Promise<number[]> => {
        if (query.column !== undefined) {
          const { column, equals, least, greatest, sort, limit } = query;
          return desk.byColumn(served.survey, { column, equals, least, greatest, sort, limit });
        }
        if (query.random !== undefined) return new Random(query.seed).sample(total, Math.min(query.random, total));
        if (query.diverse !== undefined)
          return (
            await compute.run("diverse", {
              folder: served.survey.folder,
              model: modelOf(served, query.model),
              count: query.diverse,
              seed: query.seed,
            })
          ).map(({ row }) => row);
        if (query.rows !== undefined)
          return query.rows
            .split(",")
            .map(Number)
            .filter((row) => Number.isInteger(row) && row >= 0 && row < total);
        if (query.ids !== undefined)
          return [query.ids]
            .flat()
            .flatMap((text) => idsIn(text, served.survey.indexOf))
            .map((id) => workspace.row(params.survey, id).row);
        return Array.from(
          { length: Math.max(0, Math.min(query.limit, total - query.offset)) },
          (_, i) => query.offset + i,
        );
      };
      return { total, objects: (await rows()).map((row) => objectRow(served, row)) };
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

  app.get(
    "/api/surveys/:survey/objects/:object",
    { schema: { params: InObject, response: { 200: ObjectDetail } } },
    ({ params }) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const { source, columns, raDeg, decDeg, widthPx } = served.survey.row(row);
      const { pixelScaleArcsec } = served.survey.header;
      const fieldArcsec = pixelScaleArcsec === null ? null : widthPx * pixelScaleArcsec;
      const links = raDeg === null || decDeg === null ? [] : linksOf({ raDeg, decDeg, fieldArcsec });
      return { ...objectRow(served, row), source, pixelScaleArcsec, columns, links };
    },
  );

  const Size = z.object({
    size: z.coerce
      .number()
      .pipe(z.union(PICTURE_SIZES.map((size) => z.literal(size))))
      .default(128),
  });
  app.get(
    "/api/surveys/:survey/objects/:object/picture",
    { schema: { params: InObject, querystring: Size } },
    async ({ params, query, headers }, reply) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const tag = pictures.tag(served, row, query.size);
      reply.header("ETag", tag).header("Cache-Control", "private, max-age=3600");
      if (headers["if-none-match"] === tag) return reply.code(304).send();
      return reply.type("image/webp").send(await pictures.get(served, row, query.size));
    },
  );

  app.get(
    "/api/surveys/:survey/objects/:object/pixels",
    { schema: { params: InObject } },
    async ({ params }, reply) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const stamp = await served.survey.readStamp(row);
      const { data, bands, heightPx, widthPx, unit, kind } = stamp;
      return (
        reply
          .header("X-Skyloop-Shape", `${bands.length},${heightPx},${widthPx}`)
          .header("X-Skyloop-Bands", bands.join(","))
          .header("X-Skyloop-Unit", unit)
          .header("X-Skyloop-Kind", kind)
          // Red first: the band's place, and what (value - zero) * scale puts on the scale of the Legacy Surveys' viewer.
          .header("X-Skyloop-Rendering", JSON.stringify(kind === "flux" ? shownBands(stamp) : []))
          .type("application/octet-stream")
          .send(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
      );
    },
  );

  /** The cutout as a file: the picture as it came, or float pixels as FITS. */
  app.get(
    "/api/surveys/:survey/objects/:object/cutout",
    { schema: { params: InObject } },
    async ({ params }, reply) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const { codec, bytes } = served.survey.readStampBytes(row);
      const { raDeg, decDeg } = served.survey.row(row);
      const { pixelScaleArcsec } = served.survey.header;
      const sky =
        raDeg === null || decDeg === null || pixelScaleArcsec === null ? null : { raDeg, decDeg, pixelScaleArcsec };
      const flux = codec === "f32" || codec === "drawn";
      const name = params.object.replace(/[^\w.+-]+/g, "_").replace(/\.(fits?|jpe?g|png|webp)$/i, "");
      return reply
        .header(
          "Content-Disposition",
          `attachment; filename="${name}.${flux ? "fits" : codec === "jpeg" ? "jpg" : codec}"`,
        )
        .type(flux ? "image/fits" : `image/${codec}`)
        .send(flux ? cutoutAsFits(await served.survey.readStamp(row), sky) : Buffer.from(bytes));
    },
  );

  const Near = z.object({ model: z.string().optional(), k: whole(1, 200).default(24) });
  const Neighbour = ObjectRow.extend({ similarity: z.number() });
  app.get(
    "/api/surveys/:survey/objects/:object/neighbours",
    { schema: { params: InObject, querystring: Near, response: { 200: z.object({ objects: z.array(Neighbour) }) } } },
    async ({ params, query }) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const found = await compute.run("neighbours", {
        folder: served.survey.folder,
        model: modelOf(served, query.model),
        row,
        k: query.k,
      });
      return { objects: found.map((near) => ({ ...objectRow(served, near.row), similarity: near.similarity })) };
    },
  );
}
