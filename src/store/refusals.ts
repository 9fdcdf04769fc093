/** What every driver of the store refuses, in the same words. */
import { SkyloopError } from "../base/errors.ts";

/** The name of a new session is taken. */
export const sessionExists = (session: string) =>
  new SkyloopError("SESSION_EXISTS", `there is a session ${session} already; choose another name`);

/** Something was to be written to a session that is not there. */
export const sessionUnknown = (session: string) =>
  new SkyloopError("SESSION_UNKNOWN", `no session ${session} in this survey`);

/** A round was to be written whose number has another page. */
export const roundTaken = (session: string, round: number) =>
  new SkyloopError("ROUND_TAKEN", `round ${round} of ${session} has been made by another program; go on from its page`);

/** Another process makes a round of the session at the moment. */
export const roundRunning = (session: string) =>
  new SkyloopError("ROUND_RUNNING", `another program makes a round of ${session}; its page comes when it is there`);

/** A session from elsewhere has events with the numbers of others that are there. */
export const numbersTaken = (session: string, by: string) =>
  new SkyloopError(
    "STORE_NOT_EMPTY",
    `session ${session} has events with numbers that those of ${by} have already; copy into a database without sessions of this survey`,
  );
