/** Every address of the server, in the order of its description. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import type { Accounts } from "../../store/accounts.ts";
import type { Compute } from "../compute.ts";
import type { Desk } from "../desk.ts";
import type { ImageHeadFile } from "../image-heads.ts";
import type { SingleSignOn } from "../people/single.ts";
import { Pictures } from "../pictures.ts";
import { Rounds } from "../rounds.ts";
import type { Streams } from "../stream.ts";
import type { Workspace } from "../workspace.ts";
import { fieldRoutes } from "./fields.ts";
import { manageRoutes } from "./manage.ts";
import { mapRoutes } from "./maps.ts";
import { objectFileRoutes, objectRoutes } from "./objects.ts";
import { peopleRoutes } from "./people.ts";
import { predictionRoutes } from "./predictions.ts";
import { outcomeRoutes, reasonRoutes, resultRoutes } from "./results.ts";
import { sampRoutes } from "./samp.ts";
import { exportRoutes } from "./session-export.ts";
import { labelRoutes } from "./session-labels.ts";
import { sessionRoutes } from "./sessions.ts";
import { similarRoutes } from "./similar.ts";
import { streamRoutes } from "./streams.ts";
import { surveyRoutes } from "./surveys.ts";
import { voRoutes } from "./vo.ts";

/** What the routes call. */
export interface Services {
  version: string;
  workspace: Workspace;
  /** Rounds, neighbours, reasons. */
  compute: Compute;
  /** Maps; they take long, and rounds never wait for them. */
  mapper: Compute;
  /** Restored and reconstructed pictures. */
  improver: Compute;
  desk: Desk;
  streams: Streams;
  heads: ImageHeadFile[];
  accounts: Accounts | null;
  single: SingleSignOn | null;
  basePath: string;
  /** Whether only this machine's user reaches the server: others must not move somebody's TOPCAT. */
  onlyHere: boolean;
}

/** Adds every route. */
export function addRoutes(app: FastifyInstance, services: Services): void {
  const { compute, streams, onlyHere } = services;
  const pictures = new Pictures();
  surveyRoutes(app, services);
  objectRoutes(app, services);
  objectFileRoutes(app, { ...services, pictures });
  fieldRoutes(app, services);
  similarRoutes(app, services);
  sampRoutes(app, { ...services, allowed: onlyHere });
  voRoutes(app, services);
  mapRoutes(app, services);
  predictionRoutes(app, services);
  manageRoutes(app, services);
  sessionRoutes(app, { ...services, rounds: new Rounds(compute, streams) });
  labelRoutes(app, services);
  exportRoutes(app, services);
  streamRoutes(app, services);
  peopleRoutes(app, services);
  resultRoutes(app, services);
  reasonRoutes(app, services);
  outcomeRoutes(app, { ...services, pictures });
  programRoutes(app, services);
}

/** Of the program itself: whether it runs, and its client for Python. */
function programRoutes(plain: FastifyInstance, { version }: Services): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/health",
    { schema: { response: { 200: z.object({ ok: z.literal(true), version: z.string() }) } } },
    () => ({ ok: true as const, version }),
  );
  app.get("/client/skyloop.py", { schema: { hide: true } }, (_request, reply) =>
    reply.type("text/x-python; charset=utf-8").send(readFileSync(join(PACKAGE_ROOT, "src/notebook/skyloop.py"))),
  );
}
