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
