/** The OpenAPI document as a page to read, without scripts. */
import { html, htmlPage } from "../plot/html.ts";

interface OpenApi {
  info?: { title?: string; version?: string; description?: string };
  paths?: Record<string, Record<string, unknown>>;
}

/** The description of the HTTP interface as a page, from its OpenAPI document. */
export function docsPage(document: object): string {
  const { info, paths = {} } = document as OpenApi;
  const parts = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) =>
        html`<section><h2><code>${method.toUpperCase()} ${path}</code></h2><details><summary>parameters, body and answers</summary><pre>${JSON.stringify(operation, null, 2)}</pre></details></section>`,
    ),
  );
  const title = `${info?.title ?? ""} API`;
  return htmlPage(
    title,
    html`<h1>${title} ${info?.version}</h1>
<p>${info?.description} The same as JSON: <a href="docs/json">/api/docs/json</a>.</p>
${parts}`,
  );
}
