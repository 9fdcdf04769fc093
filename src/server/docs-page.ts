/** The HTTP interface described: an OpenAPI document, and the same as a page to read, without scripts. */
import { createHash } from "node:crypto";
import fastifySwagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import { html, htmlPage } from "../plot/html.ts";

interface OpenApi {
  info?: { title?: string; version?: string; description?: string };
  paths?: Record<string, Record<string, unknown>>;
}

/** Describes the routes that are added afterwards at /api/docs, and as OpenAPI at /api/docs/json. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      info: {
        title: "Skyloop",
        version,
        description:
          "Surveys, sessions, labels and rankings. Times are ISO 8601 UTC, coordinates ICRS degrees, scores probabilities.",
      },
    },
    transform: jsonSchemaTransform,
  });
  app.get("/api/docs/json", { schema: { hide: true } }, () => app.swagger());
  app.get("/api/docs", { schema: { hide: true } }, (_request, reply) => {
    const { page, policy } = docsPage(app.swagger());
    return reply.type("text/html; charset=utf-8").header("Content-Security-Policy", policy).send(page);
  });
}

/** The page of an OpenAPI document, and the policy that lets its style in. */
function docsPage(document: object): { page: string; policy: string } {
  const { info, paths = {} } = document as OpenApi;
  const parts = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) =>
        html`<section><h2><code>${method.toUpperCase()} ${path}</code></h2><details><summary>parameters, body and answers</summary><pre>${JSON.stringify(operation, null, 2)}</pre></details></section>`,
    ),
  );
  const title = `${info?.title ?? ""} API`;
  const page = htmlPage(
    title,
    html`<h1>${title} ${info?.version}</h1>
<p>${info?.description} The same as JSON: <a href="docs/json">/api/docs/json</a>.</p>
${parts}`,
  );
  const style = createHash("sha256")
    .update(/<style>(.*?)<\/style>/s.exec(page)?.[1] ?? "")
    .digest("base64");
  return { page, policy: `default-src 'none'; style-src 'sha256-${style}'; frame-ancestors 'none'` };
}
