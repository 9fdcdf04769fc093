/** How a command ends that cannot do what was asked. */
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";

function describeError(thrown: unknown): string {
  if (process.env.SKYLOOP_DEBUG && thrown instanceof Error) return String(thrown.stack);
  if (thrown instanceof SkyloopError) return `${thrown.code}: ${thrown.message}`;
  return `${messageOf(thrown)} (SKYLOOP_DEBUG=1 shows where)`;
}

/**
 * Says why and ends the process: with 2 for a user's mistake (SkyloopError), 1 for anything else (with its stack where
 * SKYLOOP_DEBUG is set).
 */
export function endWith(thrown: unknown): never {
  process.stderr.write(`skyloop: ${describeError(thrown)}\n`);
  process.exit(thrown instanceof SkyloopError ? 2 : 1);
}

/** `| head` closes the pipe when it has enough: that is no error. */
function quitWhereNobodyReads(error: Error): void {
  if (codeOf(error) === "EPIPE") process.exit(0);
  throw error;
}

/** Lets the process end quietly where its output is cut off, as by `| head`. */
export function allowClosedPipes(): void {
  process.stdout.on("error", quitWhereNobodyReads);
  process.stderr.on("error", quitWhereNobodyReads);
}
