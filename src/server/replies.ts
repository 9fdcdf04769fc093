/** What the server answers where something went wrong: a status, a code of docs/errors.md, a sentence. */
import type { FastifyInstance } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { codedError } from "../base/errors.ts";
import { log } from "../base/log.ts";

/** 5xx: the same request may succeed later, and what it was to save is not saved (docs/errors.md, "Over HTTP"). */
const STATUS: Record<string, number> = {
  NOTHING_LEFT: 409,
  NOTHING_TO_UNDO: 409,
  NOTHING_TO_REDO: 409,
  SESSION_EXISTS: 409,
  PAGE_STALE: 409,
  DISK_FULL: 507,
  WRITE_FAILED: 503,
  FILE_REFUSED: 503,
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

/** Errors of routes become answers: of the schema, of the program, and what nobody foresaw, which only the log tells. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, _request, reply) => {
    if (hasZodFastifySchemaValidationErrors(error)) {
      const [first] = error.validation;
      return reply.code(400).send({
        code: "BAD_REQUEST",
        message: `${error.validationContext ?? "request"}${first.instancePath.replaceAll("/", ".")}: ${first.message}`,
      });
    }
    const coded = codedError(error);
    if (coded !== null) return reply.code(statusOf(coded.code)).send({ code: coded.code, message: coded.message });
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status >= 500) log.error(error);
    return reply.code(status).send({
      code: status >= 500 ? "INTERNAL" : "BAD_REQUEST",
      message: status >= 500 ? "the server failed; its log says why" : (error as Error).message,
    });
  });
}
