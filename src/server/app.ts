/** The HTTP server: JSON for the page and for programs, checked by the contract; pictures; the page itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fastifyRateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { PACKAGE_ROOT } from "../base/paths.ts";
import type { Accounts } from "../store/accounts.ts";
import { Compute } from "./compute.ts";
import { Desk } from "./desk.ts";
import { describeApi } from "./docs-page.ts";
import { guardDoors, isLocal } from "./doors.ts";
import { describeHeads } from "./image-heads.ts";
import { servePage } from "./page.ts";
import { guardPeople } from "./people/access.ts";
import type { SingleSignOn } from "./people/single.ts";
import { answerErrors } from "./replies.ts";
import { addRoutes } from "./routes/index.ts";
import { Streams } from "./stream.ts";
import { refuseUnread } from "./unread.ts";
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

declare module "fastify" {
  interface FastifyInstance {
    /** Serves one more survey from now on. Throws SAME_NAME, SURVEY_MISSING, SURVEY_BROKEN. */
    addSurvey(folder: string): Promise<void>;
  }
}

/** What a person waits for with every click: rankings rest meanwhile. */
const URGENT = /\/(labels|undo|redo|picture)(\?|$)/;
/** Maps and restored pictures are asked for now and then: their processes end when nobody has for so long. */
const IDLE_MS = 60_000;

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
  const app = emptyApp(basePath);
  app.addHook("onRequest", async ({ url }) => {
    if (URGENT.test(url)) compute.urgent();
  });
  guardDoors(app, { hostNames, token, basePath, frames });
  guardPeople(app, accounts);
  answerErrors(app);

  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  await app.register(fastifyRateLimit, {
    max: 6000,
    timeWindow: "1 minute",
    // A person who scrolls asks for more pictures than that.
    allowList: ({ url }) => /^\/api\/surveys\/[^/]+\/objects\/[^/]+\/picture\b/.test(url),
  });
  await describeApi(app, version);
  const onlyHere = token === undefined && accounts === null && hostNames.every(isLocal);
  const people = { accounts, single, basePath };
  addRoutes(app, { version, workspace, compute, mapper, improver, desk, streams, heads: known, ...people, onlyHere });
  await servePage(app, basePath);
  app.decorate("addSurvey", (folder: string) => workspace.add(folder));
  app.addHook("preClose", async () => streams.close());
  app.addHook("onClose", async () => {
    await Promise.all([compute.close(), desk.close(), mapper.close(), improver.close()]);
    await Promise.all([workspace.close(), accounts?.close()]);
  });
  await app.ready();
  return app;
}

/** What answers nothing yet: limits of requests, and the contract as the check of what comes and goes. */
function emptyApp(basePath: string): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: 2 * 2 ** 20,
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 2400 },
    forceCloseConnections: true,
    clientErrorHandler: refuseUnread,
    rewriteUrl: ({ url = "/" }) => (url.startsWith(basePath) ? url.slice(basePath.length - 1) : url),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  return app;
}
