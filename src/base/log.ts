import { pino } from "pino";

/** The program's log: JSON lines on standard error; `SKYLOOP_LOG` sets the level (default "warn"). */
export const log = pino({ level: process.env.SKYLOOP_LOG ?? "warn" }, pino.destination({ dest: 2, sync: true }));
