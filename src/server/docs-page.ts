/** The OpenAPI document as a page to read, without scripts. */
import { createHash } from "node:crypto";
import { html, htmlPage } from "../plot/html.ts";

interface OpenApi {
  info?: { title?: string; version?: string; description?: string };
  paths?: Record<string, Record<string, unknown>>;
}

/** The description of the HTTP interface as a page, from its OpenAPI document, and the policy that lets its style in. */
export function docsPage(document: object): { page: string; policy: string } {
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
