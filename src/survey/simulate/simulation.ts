/** A simulated survey as a recipe: what galaxy number n is and what its stamp shows. */
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import type { Simulation } from "../../contract/survey.ts";
import { PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { CLASS_SHARES, drawGalaxy, type Galaxy, type Population } from "./population.ts";
import { renderGalaxy } from "./render.ts";

/** Version of the simulator, raised whenever the same seed gives other pixels. */
export const SIMULATOR = 1;

/** The galaxy with number `index` (from 0); the same whoever draws it and whatever else is drawn. */
export function galaxyOf({ seed, sizePx, ...population }: Simulation, index: number): Galaxy {
  return drawGalaxy(new Random(seed).fork(`galaxy ${index}`), sizePx * PIXEL_SCALE_ARCSEC, population);
}

/** The stamp of galaxy number `index`: [3, size, size] in nanomaggies. Throws SIMULATOR_CHANGED. */
export function stampOf(simulation: Simulation, index: number): Float32Array<ArrayBuffer> {
  if (simulation.simulator !== SIMULATOR)
    throw new SkyloopError(
      "SIMULATOR_CHANGED",
      `the survey was drawn by simulator ${simulation.simulator}, this program has ${SIMULATOR}, whose pixels differ; make the survey again with \`skyloop survey simulate\``,
    );
  return renderGalaxy(galaxyOf(simulation, index), simulation.sizePx) as Float32Array<ArrayBuffer>;
}

/**
 * The population with given shares of some classes; the others share what is left as they do by default. Throws
 * BAD_OPTION for a class that there is not, a share that is none, and shares of more than 1.
 */
export function sharesWith(given: Record<string, number>): Population["shares"] {
  const names = Object.keys(CLASS_SHARES) as (keyof typeof CLASS_SHARES)[];
  for (const [name, share] of Object.entries(given)) {
    if (!(name in CLASS_SHARES))
      throw new SkyloopError("BAD_OPTION", `--shares: there is no class ${name}; there are ${names.join(", ")}`);
    if (!(share >= 0 && share <= 1))
      throw new SkyloopError("BAD_OPTION", `--shares: the share of ${name} is from 0 to 1, not ${share}`);
  }
  const taken = Object.values(given).reduce((sum, share) => sum + share, 0);
  const others = names.filter((name) => !(name in given));
  const rest = others.reduce((sum, name) => sum + CLASS_SHARES[name], 0);
  if (taken > 1 + 1e-9 || (others.length === 0 && taken < 1 - 1e-9))
    throw new SkyloopError("BAD_OPTION", `--shares: the shares add up to ${taken}, not to 1`);
  const left = Math.max(0, 1 - taken);
  return Object.fromEntries(
    names.map((name) => [name, given[name] ?? (rest === 0 ? 0 : (CLASS_SHARES[name] / rest) * left)]),
  );
}
