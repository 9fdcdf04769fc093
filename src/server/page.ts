/** The page itself: its files, and its one document for every address that is no file and no data. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { PACKAGE_ROOT } from "../base/paths.ts";

/**
 * The page for an address below the server's root. Its own addresses are relative to the root, whatever path a proxy
 * puts before that (JupyterHub's /user/ann/proxy/8420/).
 */
function pageFor(html: string, url: string): string {
  const folders = url.replace(/\?.*/s, "").split("/").length - 2;
  return html.replaceAll(/(src|href)="\.\//g, `$1="${folders === 0 ? "./" : "../".repeat(folders)}`);
}

/** Serves what `vite build` wrote, where it did, and answers 404 for the rest; `basePath` is what a proxy puts before. */
export async function servePage(app: FastifyInstance, basePath: string): Promise<void> {
  const page = join(PACKAGE_ROOT, "web/dist");
  if (existsSync(page))
    await app.register(fastifyStatic, {
      root: page,
      maxAge: "1h",
      immutable: false,
      setHeaders: (reply, path) => void (path.endsWith("index.html") && reply.header("Cache-Control", "no-cache")),
    });
  app.setNotFoundHandler((request, reply) => {
    // Without the slash at its end relative addresses would lead beside it.
    if (request.method === "GET" && request.url === basePath.slice(0, -1)) return reply.redirect(basePath);
    if (
      request.method === "GET" &&
      !request.url.startsWith("/api/") &&
      !/\.\w+$/.test(request.url) &&
      existsSync(join(page, "index.html"))
    )
      return reply
        .type("text/html; charset=utf-8")
        .header("Cache-Control", "no-cache")
        .send(pageFor(readFileSync(join(page, "index.html"), "utf8"), request.url));
    return reply.code(404).send({ code: "NOT_FOUND", message: `nothing at ${request.method} ${request.url}` });
  });
}
