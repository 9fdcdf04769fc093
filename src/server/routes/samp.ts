import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { ObjectId, SessionId } from "../../contract/api.ts";
import { RankingFilter, SampState } from "../../contract/insight.ts";
import { type RankingRequest, rankingRequest } from "../../loop/ranking.ts";
import type { Desk } from "../desk.ts";
import { SampClient } from "../samp/client.ts";
import { findHub } from "../samp/hub.ts";
import type { ServedSurvey, Workspace } from "../workspace.ts";

const Sent = z.object({ to: z.array(z.string()) });
const SendTable = z.object({
  session: SessionId,
  filter: RankingFilter.optional(),
  columns: z.array(z.string()).max(500).default([]),
  /** One program; all of them without it. */
  to: z.string().optional(),
});
const SendPosition = z.object({ survey: z.string(), object: ObjectId, to: z.string().optional() });
/** How far from an object another program may point. */
const POINT_RADIUS_DEG = 10 / 3600;
const TABLES_REMEMBERED = 16;

/**
 * SAMP: tables and positions to other programs of this machine, and what they point at. `allowed` is false where others than this
 * machine's user reach the server: they are not to move somebody's TOPCAT.
 */
export function sampRoutes(
  plain: FastifyInstance,
  { workspace, desk, allowed }: { workspace: Workspace; desk: Desk; allowed: boolean },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  let selected: z.infer<typeof SampState>["selected"] = null;
  let count = 0;
  const select = (survey: string, object: string) => {
    selected = { survey, object, count: ++count };
  };
  const sent = new Map<string, { served: ServedSurvey; request: RankingRequest }>();
  // Nobody waits for what a message of another program came to, and the server may be closing.
  const unheard = (error: unknown) => log.warn({ message: messageOf(error) }, "a SAMP message came to nothing");
  const client = new SampClient({
    pointed(raDeg, decDeg) {
      for (const { survey } of workspace.all())
        desk.cone(survey, { raDeg, decDeg, radiusDeg: POINT_RADIUS_DEG, limit: 1 }).then(({ near: [first] }) => {
          if (first !== undefined) select(survey.name, survey.row(first.row).id);
        }, unheard);
    },
    highlighted(table, row) {
      const found = sent.get(table);
      if (found === undefined) return;
      desk.ranking(found.served.survey, { request: found.request, offset: row, limit: 1 }).then(({ rows: [first] }) => {
        if (first !== undefined) select(found.served.survey.name, first.object);
      }, unheard);
    },
  });
  app.addHook("onClose", () => client.close());
  const check = () => {
    if (!allowed)
      throw new SkyloopError(
        "SAMP_OFF",
        "SAMP is for a server that only this machine's user reaches (127.0.0.1, no accounts, no token)",
      );
  };

  app.get("/api/samp", { schema: { response: { 200: SampState } } }, async () => {
    const hub = allowed && findHub() !== null;
    return {
      allowed,
      hub,
      connected: client.connected,
      peers: hub && client.connected ? await client.peers() : [],
      selected,
    };
  });

  app.post("/api/samp/connect", { schema: { response: { 200: SampState } } }, async () => {
    check();
    return { allowed, hub: true, peers: await client.peers(), connected: true, selected };
  });

  app.post(
    "/api/samp/table",
    { schema: { body: SendTable, response: { 200: Sent } } },
    async ({ body: { session, filter, columns, to } }) => {
      check();
      const served = await workspace.ofSession(session);
      await client.connect();
      const request = await rankingRequest(served.store, session, filter);
      const path = join(await mkdtemp(join(tmpdir(), "skyloop-samp-")), "table.vot");
      await desk.export(served.survey, { request, format: "votable", path, columns });
      const id = `skyloop-${session}-${++count}`;
      sent.set(id, { served, request });
      for (const oldest of sent.keys()) if (sent.size > TABLES_REMEMBERED) sent.delete(oldest);
      return { to: await client.sendTable(id, `${request.begun.target} (${served.survey.name})`, path, to) };
    },
  );

  app.post(
    "/api/samp/point",
    { schema: { body: SendPosition, response: { 200: Sent } } },
    async ({ body: { survey, object, to } }) => {
      check();
      const { served, row } = workspace.row(survey, object);
      const { raDeg, decDeg } = served.survey.row(row);
      if (raDeg === null || decDeg === null)
        throw new SkyloopError("NO_POSITION", `${object} has no position in the catalogue; nothing can be pointed at`);
      return { to: await client.sendPosition(raDeg, decDeg, to) };
    },
  );
}
