import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { exportPrefix } from "../../base/leftovers.ts";
import { ExportFormat } from "../../contract/api.ts";
import { RankingFilter } from "../../contract/insight.ts";
import { EXPORT_SUFFIX, SAFE_CELLS } from "../../loop/export.ts";
import { rankingRequest } from "../../loop/ranking.ts";
import type { Desk } from "../desk.ts";
import type { Workspace } from "../workspace.ts";
import { InSession } from "./params.ts";

const ExportQuery = RankingFilter.extend({
  format: ExportFormat,
  /** Text of a CSV that gets an apostrophe where a spreadsheet would compute it. */
  safe: z.enum(SAFE_CELLS).optional(),
  /** Names of people, or "person 1" and so on in the order of their first labels. */
  names: z.enum(["names", "pseudonyms"]).default("names"),
  /** Further columns, repeated: rank, reason, time, file, or any of the catalogue. */
  columns: z.union([z.string(), z.array(z.string()).max(200)]).optional(),
});
/** A session's ranking as a file. */
export function exportRoutes(plain: FastifyInstance, { workspace, desk }: { workspace: Workspace; desk: Desk }): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();

  app.get(
    "/api/sessions/:session/export",
    { schema: { params: InSession, querystring: ExportQuery } },
    async ({ params, query }, reply) => {
      const { survey, store } = await workspace.ofSession(params.session);
      const folder = await mkdtemp(join(tmpdir(), exportPrefix()));
      const file = join(folder, `table.${EXPORT_SUFFIX[query.format]}`);
      try {
        const { format, columns = [], safe, names, ...filter } = query;
        const pseudonyms = names === "pseudonyms";
        const request = await rankingRequest(store, params.session, filter, { answers: true, pseudonyms });
        await desk.export(survey, { request, format, path: file, columns: [columns].flat(), safe });
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
      const stream = createReadStream(file).on("close", () => void rm(folder, { recursive: true, force: true }));
      return reply
        .header("Content-Disposition", `attachment; filename="${params.session}.${EXPORT_SUFFIX[query.format]}"`)
        .type(
          query.format === "csv"
            ? "text/csv; charset=utf-8"
            : query.format === "votable"
              ? "application/x-votable+xml"
              : "application/octet-stream",
        )
        .send(stream);
    },
  );
}
