/**
 * An error a user can act on: a stable code, what was expected and received, and the remedy. Every user mistake is
 * reported as one of these, at the boundary where it was made. Codes are listed in docs/errors.md.
 */
export class SkyloopError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "SkyloopError";
    this.code = code;
  }
}

/** The message of anything that was thrown, on one line or more, without a stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system's code of an error (`ENOENT`, `ENOSPC`, …) or our own; undefined where there is none. */
export function codeOf(thrown: unknown): string | undefined {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : undefined;
}

/** Codes of the system for a file that is not there, or is of another kind. */
const NOT_THERE = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENAMETOOLONG"]);

/** Whether a write failed because nothing more fits: by the system's code, or as libraries put it. */
export function isDiskFull(thrown: unknown): boolean {
  const code = codeOf(thrown);
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  return /no space left on device|disk quota exceeded/i.test(messageOf(thrown));
}

/**
 * What was thrown as an error with a code, where a user can act on it: a SkyloopError as it is, and what the system
 * refused to do with a file (rights, a full disk, a name too long). Null for anything else, a fault of the program.
 */
export function codedError(thrown: unknown): SkyloopError | null {
  if (thrown instanceof SkyloopError) return thrown;
  const { path, syscall } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (isDiskFull(thrown))
    return new SkyloopError(
      "DISK_FULL",
      `no space left (${messageOf(thrown)}); free some space and run the same command again: what was finished is kept`,
      { cause: thrown },
    );
  if (path === undefined || syscall === undefined) return null;
  return new SkyloopError(
    NOT_THERE.has(String(codeOf(thrown))) ? "FILE_UNREADABLE" : "FILE_REFUSED",
    `the system does not ${syscall} ${path} (${messageOf(thrown)}); check that it is there and who may read and write it`,
    { cause: thrown },
  );
}
