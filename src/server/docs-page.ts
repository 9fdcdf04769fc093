/** The OpenAPI document as a page to read, without scripts. */
const escaped = (text: string) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

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
        `<section><h2><code>${method.toUpperCase()} ${escaped(path)}</code></h2><details><summary>parameters, body and answers</summary><pre>${escaped(JSON.stringify(operation, null, 2))}</pre></details></section>`,
    ),
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(info?.title ?? "")} API</title></head><body><h1>${escaped(info?.title ?? "")} API ${escaped(info?.version ?? "")}</h1><p>${escaped(info?.description ?? "")} The same as JSON: <a href="/api/docs/json">/api/docs/json</a>.</p>${parts.join("\n")}</body></html>`;
}
