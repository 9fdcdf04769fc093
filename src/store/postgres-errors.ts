/** What PostgreSQL's errors, and those of the way to it, mean to a person. */
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";

/** The way to the server: nothing is known of what it did with the last request. */
const AWAY =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|CONNECT_TIMEOUT|CONNECTION_CLOSED|CONNECTION_ENDED|CONNECTION_DESTROYED|57P0[1-5]|08...)$/;
/** Name, password, database or rights (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const REFUSED = /^(28...|3D000|42501)$/;

/** The address of a database without its password, for messages. */
export function shownAddress(url: string): string {
  const { protocol, username, host, pathname } = new URL(url);
  return `${protocol}//${username === "" ? "" : `${username}@`}${host}${pathname}`;
}

/** The database does not answer, for the reason given. */
export const storeAway = (address: string, why: string, cause?: unknown) =>
  new SkyloopError(
    "STORE_AWAY",
    `${address}: the database does not answer (${why}); whether the last request was saved is not known, sent again it is saved once: start the database, or correct host and port in DATABASE_URL`,
    { cause },
  );

/** What went wrong with the database at `address`, with what to do. */
export function postgresError(address: string, cause: unknown): SkyloopError {
  if (cause instanceof SkyloopError) return cause;
  const code = codeOf(cause) ?? "";
  const said = messageOf(cause) || code;
  const error = (name: string, message: string) => new SkyloopError(name, `${address}: ${message}`, { cause });
  if (AWAY.test(code)) return storeAway(address, said, cause);
  if (REFUSED.test(code))
    return error(
      "STORE_REFUSED",
      `the database refuses (${said}); correct name, password and database in DATABASE_URL, or give that name the right to create and write the schema skyloop`,
    );
  if (code === "53100")
    return error(
      "DISK_FULL",
      "the database server has no space left; nothing was saved: free some, and it can be sent again",
    );
  if (/^(53300|55P03|40001|40P01)$/.test(code))
    return error("STORE_BUSY", `the database is busy (${said}); nothing was saved, try again`);
  if (code === "25006")
    return error(
      "STORE_READ_ONLY",
      "the database takes no writes (a standby?); nothing was saved: name its primary in DATABASE_URL",
    );
  if (code === "58030") return error("STORE_IO", `the database server's disk failed (${said}); nothing was saved`);
  if (code === "22021" || code === "22P05")
    return error("BAD_REQUEST", "text with the character U+0000 cannot be kept in PostgreSQL; leave it out");
  return error("STORE_BROKEN", `${said}; nothing was saved`);
}
