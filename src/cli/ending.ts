/** How a command ends that cannot do what was asked. */
import { codedError, codeOf, messageOf, type SkyloopError } from "../base/errors.ts";
import { printable } from "../base/markup.ts";

function describeError(thrown: unknown, coded: SkyloopError | null): string {
  if (process.env.SKYLOOP_DEBUG && thrown instanceof Error) return String(thrown.stack);
  if (coded !== null) return `${coded.code}: ${coded.message}`;
  return `${messageOf(thrown)} (SKYLOOP_DEBUG=1 shows where)`;
}

/**
 * Says why and ends the process: with 2 for what a user can mend (`codedError`), 1 for anything else (with its stack where
 * SKYLOOP_DEBUG is set).
 */
export function endWith(thrown: unknown): never {
  const coded = codedError(thrown);
  process.stderr.write(`skyloop: ${printable(describeError(thrown, coded))}\n`);
  process.exit(coded === null ? 1 : 2);
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
