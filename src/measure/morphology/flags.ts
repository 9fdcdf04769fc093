/** Why a measurement is not what it seems: bits of the column `flags`. */

/** Each bit with its name and what it says, in the order of the bits. */
export const FLAGS = {
  BLENDED: [1, "another source touches it, or lies in its Kron ellipse"],
  TRUNCATED: [2, "its Kron ellipse reaches over the stamp's edge"],
  LOW_SNR: [4, "its light is less than 5 times its error"],
  OFF_CENTRE: [8, "its centre is farther than a twentieth of the side (3 px at least) from the stamp's"],
  NOT_CONVERGED: [16, "a radius or the centre of asymmetry was not found within the stamp"],
  AT_LIMIT: [32, "its size or its axis ratio is that of a pixel: a smallest value, not a measurement"],
  MASKED: [64, "pixels in its Kron ellipse have no value, or belong to another source, and were filled"],
  NO_SOURCE: [128, "nothing stands above the sky in the middle of the stamp"],
  BLANK: [256, "the stamp has no values, or only one"],
  NO_NOISE: [512, "the sky does not scatter: errors and signal-to-noise are unknown"],
  UNRESOLVED: [1024, "it is hardly wider than the PSF (of known PSF), or than two pixels"],
  UNREADABLE: [2048, "the stamp could not be read"],
} as const satisfies Record<string, readonly [number, string]>;

/** What the bits are called, in capitals. */
export type FlagName = keyof typeof FLAGS;

/** What each bit is called, the lowest first: "blended", "low S/N" and so on. */
export const FLAG_NAMES: readonly string[] = (Object.entries(FLAGS) as [FlagName, readonly [number, string]][])
  .sort(([, [a]], [, [b]]) => a - b)
  .map(([name]) => name.toLowerCase().replaceAll("_", " ").replace("snr", "S/N"));
