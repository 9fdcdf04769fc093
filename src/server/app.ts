/** The HTTP server: JSON for the page and for programs, checked by the contract; pictures; the page itself. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fastifyRateLimit from "@fastify/rate-limit";
import fastifyStatic from "@fastify/static";
import fastifySwagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
} from "fastify-type-provider-zod";
import { z } from "zod";
import { SkyloopError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import type { Accounts } from "../store/accounts.ts";
import { Compute } from "./compute.ts";
import { Desk } from "./desk.ts";
import { docsPage } from "./docs-page.ts";
import { guardDoors, isLocal } from "./doors.ts";
import { describeHeads } from "./image-heads.ts";
import { guardPeople } from "./people/access.ts";
import type { SingleSignOn } from "./people/single.ts";
import { Pictures } from "./pictures.ts";
import { Rounds } from "./rounds.ts";
import { manageRoutes } from "./routes/manage.ts";
import { mapRoutes } from "./routes/maps.ts";
import { peopleRoutes } from "./routes/people.ts";
import { predictionRoutes } from "./routes/predictions.ts";
import { resultRoutes } from "./routes/results.ts";
import { sampRoutes } from "./routes/samp.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { similarRoutes } from "./routes/similar.ts";
import { surveyRoutes } from "./routes/surveys.ts";
import { voRoutes } from "./routes/vo.ts";
import { Streams } from "./stream.ts";
import { Workspace } from "./workspace.ts";

/** What a server serves and under which names it is reached. */
export interface ServerOptions {
  /** Survey folders. */
  surveys: string[];
  /** Files of restoring and reconstructing heads. */
  heads?: string[];
  /** Names that the Host header may have beside those of this machine itself. */
  hostNames?: string[];
  /** Asked of everybody where it is given. */
  token?: string;
  /** Path that a proxy puts before every address (`pathPrefix`); requests may come with it or without it. */
  basePath?: string;
  /** Origins whose pages may show this one in a frame. */
  frames?: string[];
  /** Who may use the server, closed with it; without them everybody who reaches it may do everything. */
  accounts?: Accounts | null;
  single?: SingleSignOn | null;
}

/** What a person waits for with every click: rankings rest meanwhile. */
const URGENT = /\/(labels|undo|redo|picture)(\?|$)/;
/** Maps and restored pictures are asked for now and then: their processes end when nobody has for so long. */
const IDLE_MS = 60_000;
/** 5xx: the same request may succeed later, and what it was to save is not saved (docs/errors.md, "Over HTTP"). */
const STATUS: Record<string, number> = {
  NOTHING_LEFT: 409,
  NOTHING_TO_UNDO: 409,
  NOTHING_TO_REDO: 409,
  SESSION_EXISTS: 409,
  PAGE_STALE: 409,
  DISK_FULL: 507,
  STORE_BUSY: 503,
  LOGIN_NEEDED: 401,
  ROLE_MISSING: 403,
  STORE_AWAY: 503,
  STORE_REFUSED: 503,
  ROUND_RUNNING: 409,
  STORE_IO: 503,
  STORE_READ_ONLY: 503,
  STORE_REPLACED: 503,
  WORKER_DIED: 503,
  ABORTED: 409,
};

/** Status of a SkyloopError: what is unknown is 404, what the server cannot do now 5xx, else the request is at fault. */
function statusOf(code: string): number {
  return (
    STATUS[code] ??
    (/_UNKNOWN$/.test(code)
      ? 404
      : /^(TORCH|INTERNAL|SURVEY_BROKEN|STORE_BROKEN|FEATURES_BROKEN)$/.test(code)
        ? 500
        : 400)
  );
}

/**
 * The page for an address below the server's root. Its own addresses are relative to the root, whatever path a proxy
 * puts before that (JupyterHub's /user/ann/proxy/8420/).
 */
function pageFor(html: string, url: string): string {
  const folders = url.replace(/\?.*/s, "").split("/").length - 2;
  return html.replaceAll(/(src|href)="\.\//g, `$1="${folders === 0 ? "./" : "../".repeat(folders)}`);
}

/** A server over some surveys, ready to listen or to be asked by `inject`. */
export async function buildServer({
  surveys,
  heads = [],
  hostNames = [],
  token,
  basePath = "/",
  frames,
  accounts = null,
  single = null,
}: ServerOptions): Promise<FastifyInstance> {
  const known = describeHeads(heads);
  const workspace = await Workspace.open(surveys);
  const compute = new Compute();
  const desk = new Desk();
  // Maps take long: they have a process of their own, so that rounds never wait for them.
  const mapper = new Compute({ idleMs: IDLE_MS });
  const improver = new Compute({ idleMs: IDLE_MS });
  const streams = new Streams();
  const app = Fastify({
    logger: false,
    bodyLimit: 2 * 2 ** 20,
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 2400 },
    forceCloseConnections: true,
    rewriteUrl: ({ url = "/" }) => (url.startsWith(basePath) ? url.slice(basePath.length - 1) : url),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  app.addHook("onRequest", async ({ url }) => {
    if (URGENT.test(url)) compute.urgent();
  });
  guardDoors(app, { hostNames, token, basePath, frames });
  guardPeople(app, accounts);
  app.setErrorHandler((error, _request, reply) => {
    if (hasZodFastifySchemaValidationErrors(error)) {
      const [first] = error.validation;
      return reply.code(400).send({
        code: "BAD_REQUEST",
        message: `${error.validationContext ?? "request"}${first.instancePath.replaceAll("/", ".")}: ${first.message}`,
      });
    }
    if (error instanceof SkyloopError)
      return reply.code(statusOf(error.code)).send({ code: error.code, message: error.message });
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status >= 500) log.error(error);
    return reply.code(status).send({
      code: status >= 500 ? "INTERNAL" : "BAD_REQUEST",
      message: status >= 500 ? "the server failed; its log says why" : (error as Error).message,
    });
  });

  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  await app.register(fastifyRateLimit, {
    max: 6000,
    timeWindow: "1 minute",
    // A person who scrolls asks for more pictures than that.
    allowList: ({ url }) => /^\/api\/surveys\/[^/]+\/objects\/[^/]+\/picture\b/.test(url),
  });
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
  const pictures = new Pictures();
  surveyRoutes(app, { workspace, compute, desk, pictures });
  similarRoutes(app, { workspace, compute, desk });
  // Others than this machine's user must not move somebody's TOPCAT.
  const onlyHere = token === undefined && accounts === null && hostNames.every(isLocal);
  sampRoutes(app, { workspace, desk, allowed: onlyHere });
  voRoutes(app, { workspace, desk });
  mapRoutes(app, { workspace, mapper });
  predictionRoutes(app, { workspace, improver, heads: known });
  manageRoutes(app, { workspace });
  sessionRoutes(app, { workspace, compute, desk, rounds: new Rounds(compute, streams), streams });
  peopleRoutes(app, { accounts, single, basePath });
  resultRoutes(app, { workspace, compute, desk, pictures });
  app.get(
    "/api/health",
    { schema: { response: { 200: z.object({ ok: z.literal(true), version: z.string() }) } } },
    () => ({ ok: true as const, version }),
  );
  app.get("/client/skyloop.py", { schema: { hide: true } }, (_request, reply) =>
    reply.type("text/x-python; charset=utf-8").send(readFileSync(join(PACKAGE_ROOT, "src/notebook/skyloop.py"))),
  );
  app.get("/api/docs/json", { schema: { hide: true } }, () => app.swagger());
  app.get("/api/docs", { schema: { hide: true } }, (_request, reply) => {
    const { page, policy } = docsPage(app.swagger());
    return reply.type("text/html; charset=utf-8").header("Content-Security-Policy", policy).send(page);
  });

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
  app.addHook("preClose", async () => streams.close());
  app.addHook("onClose", async () => {
    await Promise.all([compute.close(), desk.close(), mapper.close(), improver.close()]);
    await Promise.all([workspace.close(), accounts?.close()]);
  });
  await app.ready();
  return app;
}
