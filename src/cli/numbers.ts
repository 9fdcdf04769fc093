/** Numbers on the command line. */
import { SkyloopError } from "../base/errors.ts";

/** The largest seed. */
export const SEEDS = 2 ** 32 - 1;

/** A parser for an option that is a whole number in a range. It throws BAD_OPTION with the option's name. */
export function whole(option: string, least: number, greatest = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= greatest) return value;
    const range =
      greatest === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${greatest.toLocaleString("en-US")}`;
    throw new SkyloopError("BAD_OPTION", `${option} is a whole number ${range}, not ${text}`);
  };
}

/** A parser for an option that is a finite number, in a range where one is given. It throws BAD_OPTION with its name. */
export function real(option: string, least = -Infinity, greatest = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && value >= least && value <= greatest) return value;
    const range = least === -Infinity ? "" : ` from ${least} to ${greatest}`;
    throw new SkyloopError("BAD_OPTION", `${option} is a number${range}, not ${text}`);
  };
}
