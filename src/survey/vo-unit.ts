/** Units as the IVOA's VOUnits 1.0 writes them. */

/** Other names of units that VOUnits knows, as catalogues and FITS headers have them. */
const SAME_AS: Readonly<Record<string, string>> = {
  pix: "pixel",
  pixels: "pixel",
  counts: "count",
  ADU: "adu",
  photons: "photon",
  Msun: "solMass",
  Lsun: "solLum",
  Rsun: "solRad",
  Angstroms: "Angstrom",
  angstroms: "Angstrom",
  micron: "um",
  microns: "um",
  sec: "s",
  seconds: "s",
  degrees: "deg",
  degree: "deg",
  mags: "mag",
  year: "yr",
  years: "yr",
  days: "d",
  hours: "h",
};

/** Symbols of VOUnits 1.0, table 1 and 2, less those that no catalogue of galaxies holds. */
const SYMBOLS = new Set(
  "a A adu angstrom Angstrom arcmin arcsec AU barn beam bin bit byte C cd chan count Crab ct cy d dB deg D erg eV F g G h H Hz J Jy K lm lx lyr m mag mas min mol N Ohm Pa pc ph photon pixel R rad Ry s S solLum solMass solRad sr T u V voxel W Wb yr".split(
    " ",
  ),
);
const PREFIXES = /^(?:da|[yzafpnumcdhkMGTPEZY])/;
const FUNCTIONS = new Set(["log", "ln", "exp", "sqrt"]);

const isKnown = (word: string) =>
  SYMBOLS.has(word) || FUNCTIONS.has(word) || (PREFIXES.test(word) && SYMBOLS.has(word.replace(PREFIXES, "")));

/**
 * A unit for VOTable: other names of a known unit become its own, and a word that VOUnits does not know stands in quotes
 * ("nanomaggy" is `'nanomaggy'`). Numbers, powers and marks stay as they are.
 */
export function voUnit(unit: string): string {
  if (unit.includes("'")) return unit;
  return unit.replace(/(?<![\w.])[A-Za-z_]+/g, (word) => SAME_AS[word] ?? (isKnown(word) ? word : `'${word}'`));
}
