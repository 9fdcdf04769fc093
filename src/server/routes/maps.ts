import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { SkyloopError } from "../../base/errors.ts";
import { columnOf, type Survey } from "../../survey/folder.ts";
import type { Compute } from "../compute.ts";
import { fewNames, inHeader } from "../header-text.ts";
import { modelOf, type Workspace } from "../workspace.ts";
import { InSurvey } from "./params.ts";

type Pending = { done: number; total: number; failure: SkyloopError | null };

/** Maps that are being computed. */
class RunningMaps {
  readonly #mapper: Compute;
  readonly #running = new Map<string, Pending>();

  constructor(mapper: Compute) {
    this.#mapper = mapper;
  }

  /** How far a map is; begun with the first question. Throws what it failed with, once. */
  ask(wanted: { folder: string; model: string; method: "pca" | "umap" }): Pending {
    const key = `${wanted.folder} ${wanted.model} ${wanted.method}`;
    const state = this.#running.get(key);
    if (state === undefined) return this.#begin(key, wanted);
    if (state.failure === null) return state;
    this.#running.delete(key);
    throw state.failure;
  }

  #begin(key: string, wanted: Parameters<RunningMaps["ask"]>[0]): Pending {
    const state: Pending = { done: 0, total: 1, failure: null };
    this.#running.set(key, state);
    this.#mapper
      .run("map", wanted, (progress) => void Object.assign(state, progress))
      .then(
        () => {
          this.#running.delete(key);
          // A copy of the features is not kept for a map that is on disk now.
          if (this.#running.size === 0) void this.#mapper.close();
        },
        (error: SkyloopError) => {
          state.failure = error;
        },
      );
    return state;
  }
}

/** Where objects lie in feature space, and the catalogue's columns to colour them by: float32, in catalogue order. */
export function mapRoutes(
  plain: FastifyInstance,
  { workspace, mapper }: { workspace: Workspace; mapper: Compute },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const running = new RunningMaps(mapper);

  /** 200: x and y of every object; 202: being computed, with how far it is. Ask again. */
  app.get(
    "/api/surveys/:survey/map",
    {
      schema: {
        params: InSurvey,
        querystring: z.object({ model: z.string().optional(), method: z.enum(["pca", "umap"]).default("pca") }),
      },
    },
    async ({ params, query, headers }, reply) => {
      const served = workspace.get(params.survey);
      const { folder, count } = served.survey;
      const model = modelOf(served, query.model);
      const features = await served.artefacts.features(model);
      const { weightsHash } = features;
      features.close();
      const points = await served.artefacts.map({ model, method: query.method, weightsHash }, count);
      if (points !== null) {
        const tag = `"${query.method}-${weightsHash.slice(0, 16)}-${count}"`;
        reply.header("ETag", tag).header("Cache-Control", "private, max-age=60");
        return headers["if-none-match"] === tag
          ? reply.code(304).send()
          : reply.type("application/octet-stream").send(points);
      }
      const { done, total } = running.ask({ folder, model, method: query.method });
      return reply.code(202).send({ done, total });
    },
  );

  /**
   * A column's value of every object: numbers as they are (NaN where empty), texts as their place in X-Skyloop-Values,
   * which holds the first of them (percent-encoded JSON).
   */
  app.get(
    "/api/surveys/:survey/columns/:column",
    { schema: { params: InSurvey.extend({ column: z.string() }) } },
    async ({ params }, reply) => {
      const { survey } = workspace.get(params.survey);
      const { values, names } = columnValues(survey, params.column);
      return reply
        .header("X-Skyloop-Values", names === null ? "null" : inHeader(JSON.stringify(fewNames(names))))
        .type("application/octet-stream")
        .send(Buffer.from(values.buffer));
    },
  );
}

/** Of every object a column's number, or its text's place in `names`; NaN where it is empty. Throws COLUMN_MISSING. */
function columnValues(survey: Survey, name: string): { values: Float32Array; names: string[] | null } {
  const isNumber = columnOf(survey, name).type === "number";
  const names: string[] = [];
  const places = new Map<string, number>();
  const cells = survey.column(name);
  const values = Float32Array.from({ length: survey.count }, (_, row) => {
    const value = cells?.at(row) ?? null;
    if (value === null || value === "") return Number.NaN;
    if (isNumber) return Number(value);
    const text = String(value);
    let place = places.get(text);
    if (place === undefined) {
      place = names.push(text) - 1;
      places.set(text, place);
    }
    return place;
  });
  return { values, names: isNumber ? null : names };
}
