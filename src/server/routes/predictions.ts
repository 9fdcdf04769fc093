import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import sharp from "sharp";
import { z } from "zod";
import { SkyloopError } from "../../base/errors.ts";
import { Heads, MostProbable, ObjectPrediction, WantedPredictions } from "../../contract/predictions.ts";
import { listPredictions, objectRows, readPredictions } from "../../store/predictions.ts";
import type { Compute } from "../compute.ts";
import type { ImageHeadFile } from "../image-heads.ts";
import type { ServedSurvey, Workspace } from "../workspace.ts";
import { InObject, InSurvey } from "./params.ts";

/** Side of an improved picture, as that of the picture beside it. */
const PICTURE_PX = 512;

type KeptSet = ReturnType<typeof listPredictions>[number];

/** Kept numbers, read once for each state of their file. */
class KeptPredictions {
  readonly #read = new Map<string, { madeAt: string; found: ReturnType<typeof readPredictions> }>();

  /** The rows of an object, a number a column. */
  rows({ survey }: ServedSurvey, set: KeptSet, object: number): number[][] {
    const key = `${survey.folder} ${set.name}`;
    let known = this.#read.get(key);
    if (known?.madeAt !== set.madeAt) {
      known = { madeAt: set.madeAt, found: readPredictions(survey.folder, set) };
      this.#read.set(key, known);
    }
    return objectRows(known.found, set.columns.length, object);
  }
}

/** What trained heads say of objects, and make of their pictures. */
export function predictionRoutes(
  plain: FastifyInstance,
  { workspace, improver, heads }: { workspace: Workspace; improver: Compute; heads: ImageHeadFile[] },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const kept = new KeptPredictions();
  const setsOf = ({ survey }: ServedSurvey) => listPredictions(survey.folder, survey.header.dataHash);

  app.get("/api/surveys/:survey/heads", { schema: { params: InSurvey, response: { 200: Heads } } }, ({ params }) => ({
    predictions: setsOf(workspace.get(params.survey)),
    images: heads,
  }));

  app.get(
    "/api/surveys/:survey/objects/:object/predictions",
    { schema: { params: InObject, response: { 200: z.array(ObjectPrediction) } } },
    ({ params }) => {
      const { served, row } = workspace.row(params.survey, params.object);
      return setsOf(served).map((set) => {
        const { name, task, column, classes, columns } = set;
        const rows = kept.rows(served, set, row);
        const numbers = rows.map((row) => row.map((value) => (Number.isFinite(value) ? value : null)));
        return {
          name,
          task,
          column,
          classes,
          columns,
          rows: numbers,
          probabilities: classes.length === 0 ? [] : rows[0],
        };
      });
    },
  );

  app.post(
    "/api/surveys/:survey/predictions/:name",
    {
      schema: {
        params: InSurvey.extend({ name: z.string() }),
        body: WantedPredictions,
        response: { 200: MostProbable },
      },
    },
    ({ params, body }) => {
      const served = workspace.get(params.survey);
      const set = setsOf(served).find(({ name }) => name === params.name);
      if (set === undefined || set.classes.length === 0)
        throw new SkyloopError(
          "PREDICTIONS_UNKNOWN",
          `survey ${params.survey} has no predictions of classes called ${params.name}; run \`skyloop predict classify\``,
        );
      return body.objects.map((object) => {
        const [own] = kept.rows(served, set, workspace.row(params.survey, object).row);
        const confidence = Math.max(...own);
        return { object, predicted: set.classes[own.indexOf(confidence)], confidence };
      });
    },
  );

  app.get(
    "/api/surveys/:survey/objects/:object/improved",
    { schema: { params: InObject, querystring: z.object({ head: z.string() }) } },
    async ({ params, query }, reply) => {
      const { served, row } = workspace.row(params.survey, params.object);
      const head = heads.find(({ name }) => name === query.head);
      if (head === undefined)
        throw new SkyloopError("HEAD_UNKNOWN", `this server has no head ${query.head}; start it with --head FILE`);
      const { widthPx, heightPx } = served.survey.row(row);
      const pixels = await improver.run("improve", { folder: served.survey.folder, head: head.path, row });
      const picture = sharp(pixels, { raw: { width: widthPx, height: heightPx, channels: 3 } });
      const resized = picture.resize(PICTURE_PX, PICTURE_PX, {
        fit: "contain",
        background: "#000",
        kernel: "mitchell",
      });
      return reply.type("image/webp").send(await resized.webp({ quality: 85, effort: 2 }).toBuffer());
    },
  );
}
