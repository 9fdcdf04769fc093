/**
 * Which task is trained next, when several are learned together (Fu et al. 2024, section 3.1, "Multi_uniform" and
 * "Multi_active").
 */
import { SkyloopError } from "../base/errors.ts";

/** How strongly shares of the steps follow the tasks' performance. */
export interface ActiveShares {
  /** Small ones give nearly everything to the worst task, large ones nearly the same to all. */
  temperature: number;
  /** No task gets less than this share. */
  floor: number;
}

/**
 * Shares of the steps from how far each task is from perfect (0 perfect, 1 worthless): worse tasks get more, by a
 * softmax over deficits / temperature above the floor. They sum to 1. Throws BAD_OPTION for a temperature that is not
 * positive or floors that leave nothing to share.
 */
export function activeShares(deficits: number[], { temperature, floor }: ActiveShares): number[] {
  if (!(temperature > 0))
    throw new SkyloopError("BAD_OPTION", `the temperature of shares is above 0, not ${temperature}`);
  if (!(floor >= 0 && floor * deficits.length < 1))
    throw new SkyloopError(
      "BAD_OPTION",
      `the floor of shares is from 0 to below ${(1 / deficits.length).toFixed(2)} for ${deficits.length} tasks, not ${floor}`,
    );
  const worst = Math.max(...deficits);
  const weights = deficits.map((deficit) => Math.exp((deficit - worst) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => floor + ((1 - floor * deficits.length) * weight) / total);
}

/** Every task the same. */
export function equalShares(tasks: number): number[] {
  return new Array<number>(tasks).fill(1 / tasks);
}

/**
 * The task of the next step, as its place: the one that is furthest behind its share. `credits` says how far each is,
 * and is brought up to date; over n steps a task gets its share of them to within one step.
 */
export function takeTurn(credits: number[], shares: number[]): number {
  for (const [i, share] of shares.entries()) credits[i] += share;
  const next = credits.indexOf(Math.max(...credits));
  credits[next] -= 1;
  return next;
}
