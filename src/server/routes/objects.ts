import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { ObjectDetail, ObjectRow } from "../../contract/api.ts";
import { FarNumber } from "../../contract/similar.ts";
import { shownBands } from "../../stamps/render.ts";
import { cutoutAsFits } from "../../survey/cutout.ts";
import { linksOf } from "../../survey/links.ts";
import type { Compute } from "../compute.ts";
import { inHeader } from "../header-text.ts";
import { PICTURE_SIZES, type Pictures } from "../pictures.ts";
import { modelOf, objectRow, type Workspace } from "../workspace.ts";
import { InObject, wholeNumber } from "./params.ts";

const Near = z.object({ model: z.string().optional(), k: wholeNumber(1, 200).default(24) });
const Neighbour = ObjectRow.extend({ similarity: z.number() });
const Size = z.object({
  size: z.coerce
    .number()
    .pipe(z.union(PICTURE_SIZES.map((size) => z.literal(size))))
    .default(128),
});

/** What is known of an object, its neighbours in feature space, and what is far from the others' in it. */
export function objectRoutes(
  plain: FastifyInstance,
  { workspace, compute }: { workspace: Workspace; compute: Compute },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

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

  app.get(
    "/api/surveys/:survey/objects/:object/neighbours",
    {
      schema: {
        params: InObject,
        querystring: Near,
        response: { 200: z.object({ objects: z.array(Neighbour), far: z.array(FarNumber) }) },
      },
    },
    async ({ params, query }) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const ask = { folder: served.survey.folder, model: modelOf(served, query.model), row };
      const [found, far] = await Promise.all([
        compute.run("neighbours", { ...ask, k: query.k }),
        compute.run("far", ask),
      ]);
      return { objects: found.map((near) => ({ ...objectRow(served, near.row), similarity: near.similarity })), far };
    },
  );
}

/** An object's picture, pixels and cutout. */
export function objectFileRoutes(
  plain: FastifyInstance,
  { workspace, pictures }: { workspace: Workspace; pictures: Pictures },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

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
          .header("X-Skyloop-Bands", bands.map(inHeader).join(","))
          .header("X-Skyloop-Unit", inHeader(unit))
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
}
