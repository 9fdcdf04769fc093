/** What files and headers call a band, and which planes are no image: weights, errors, masks. */
import { cardValue, type FitsCard } from "./fits.ts";

/** Wavelengths in nanometres of bands with a name of their own; others carry theirs in the name. */
const NM: Record<string, number> = {
  FUV: 153, NUV: 227, u: 355, B: 440, g: 480, V: 550, r: 620, VIS: 700, i: 760, z: 900, y: 1000, Y: 1020, J: 1250,
  H: 1650, K: 2190, Ks: 2150, W1: 3400, W2: 4600, W3: 12000, W4: 22000,
}; // biome-ignore format: a table
/** Words around a band's name: instruments, surveys, and "image". */
const AROUND =
  /^(sci|science|image|img|data|flux|band|filter|filt|primary|decam|des|hsc|sdss|ps1|panstarrs|megacam|megaprime|cfht|cfhtls|omegacam|ocam|kids|vista|viking|ukidss|wircam|euclid|nisp|nir|acs|wfc|wfc3|uvis|ir|wfpc2|hst|jwst|nircam|niriss|miri|subaru|suprime|legacy|decals|bass|mzls|lsst|galex|wise|unwise|spitzer|irac|clear\w*|open|none|mosaic|coadd|\d+)$/i;
const JWST_IN_TEN_NM =
  /^F(0\d\d|200W|21\dN|210M|250M|277W|3(00M|22W2|23N|35M|56W|60M)|4(05N|10M|30M|44W|60M|66N|70N|80M))/;

/** One word as a band's usual name (`g`, `Ks`, `F475W`), or null. `Z` and `z` are the same band, as are `G` and `g`. */
export function bandOfWord(word: string): string | null {
  const bare = word.replace(/['+]$/, "");
  if (/^[ugriz]$/i.test(bare)) return bare.toLowerCase();
  if (/^[ri]2$/i.test(bare)) return bare[0].toLowerCase();
  if (/^[yYBVJHK]$/.test(bare)) return bare;
  if (/^ks$/i.test(bare)) return "Ks";
  if (/^(f\d{3,4}(w2?|n|m|lp|x|ln)|nb\d{3,4}|w[1-4]|[fn]uv|vis)$/i.test(bare)) return bare.toUpperCase();
  return null;
}

/** A header's text as a band: the first word that is one (`g DECam SDSS c0001 4720.0`, `HSC-I2`, `r.MP9601`). */
export function bandOfText(text: string, strict = false): string | null {
  const suprime = /^W-[JSC]-([A-Z])/.exec(text);
  if (suprime !== null) return bandOfWord(suprime[1]);
  const words = text.split(/[\s._\-:;,/()]+/).filter((word) => word !== "");
  // Filter wheels write `Y` for the infrared band as well as for y.
  const hyper = /^hsc/i.test(words[0] ?? "");
  const found =
    words.map((word) => bandOfWord(hyper && word === "Y" ? "y" : word)).find((band) => band !== null) ?? null;
  if (!strict) return found;
  return words.every((word) => AROUND.test(word) || bandOfWord(word) !== null) ? found : null;
}

/** Approximate wavelength for the order of bands; Infinity where the name says nothing. */
export function wavelengthNm(band: string): number {
  const number = /^(?:F|NB0?)(\d{3,4})/.exec(band);
  if (number === null) return NM[band] ?? NM[band.toLowerCase()] ?? Number.POSITIVE_INFINITY;
  const value = Number(number[1]);
  // Hubble's infrared and all of Webb's filters are named in units of 10 nm.
  return value < 200 || value >= 1000 || JWST_IN_TEN_NM.test(band) ? value * 10 : value;
}

/** Bands by wavelength, those without one after the others as they came. */
export const sortBands = (bands: string[]): string[] =>
  bands
    .map((band, i) => ({ band, i, nm: wavelengthNm(band) }))
    .sort((a, b) => (a.nm === b.nm ? a.i - b.i : a.nm - b.nm))
    .map(({ band }) => band);

/** The band that a header names: BAND, FILTER, the filter wheels' FILTER1, …, or EXTNAME. */
export function bandOfHeader(header: FitsCard[]): string | null {
  for (const key of ["BAND", "FILTER", "FILTNAM1", "FILTER1", "FILTER2", "FILTERS", "FILT", "FPA.FILTERID", "PUPIL"]) {
    const text = cardValue(header, key);
    const band = text === undefined ? null : bandOfText(text);
    if (band !== null) return band;
  }
  const name = cardValue(header, "EXTNAME");
  return name === undefined ? null : bandOfText(name, true);
}

/** The bands of a cube: BANDS (`grz` or `g,r,z`), or BAND0, BAND1, … or FILTER1, FILTER2, …; null where it names none. */
export function namedCubeBands(header: FitsCard[], planes: number): string[] | null {
  for (const key of ["BANDS", "FILTERS", "FILTER", "BAND"]) {
    const text = cardValue(header, key);
    if (text === undefined) continue;
    const words = text.split(/[\s,;/]+/).filter((word) => word !== "");
    for (const names of [words, [...text]])
      if (names.length === planes && new Set(names).size === planes)
        return names.map((name) => bandOfText(name) ?? name);
  }
  for (const [key, first] of [
    ["BAND", 0],
    ["BAND", 1],
    ["FILTER", 0],
    ["FILTER", 1],
    ["FILT", 1],
  ] as const) {
    const names = Array.from({ length: planes }, (_, i) => cardValue(header, `${key}${i + first}`));
    const bands = names.map((name) => (name === undefined || name === "" ? null : (bandOfText(name) ?? name)));
    if (bands.every((band) => band !== null) && new Set(bands).size === planes) return bands as string[];
  }
  return null;
}

const PLANE_WORDS: [pattern: RegExp, what: string][] = [
  [/^(wht|wght|wgt|wt|weights?|ivar|invvar|invvariance)$/i, "a weight map"],
  [/^(err|errs|errors?|sigma|sig|std|stdev|stddev|stat|unc|uncert|uncertainty|rms|noise|var|variance|varp|varr)$/i, "an error plane"],
  [/^(dq|dqf|qual|quality|mask|masks|msk|maskbits|flags?|bpm|bad|badpix|badpixels?|edge|nan|allmask|anymask)$/i, "a quality plane"],
  [/^(exp|expmap|exposure|exptime|nexp|depth|galdepth|psfdepth|cov|coverage|cvr|con|ctx|context|num|nimage|nobs|area|time)$/i, "an exposure map"],
  [/^(psf|psfex|psfsize|kernel)$/i, "a point-spread function"],
  [/^(bkg|bkgd|background|sky|model|models|resid|residuals?|chi2|blobmodel|blobresid)$/i, "a model or background"],
  [/^(seg|segm|segmap|segmentation|detection|objects|labels)$/i, "a segmentation map"],
  [/^(thumb|thumbnail|preview|icon|quicklook)$/i, "a preview"],
]; // biome-ignore format: a table
/** Words that leave no doubt even without the image beside them. */
const CERTAIN = /^(wht|wgt|weights?|ivar|invvar|rms|dq|dqf|maskbits|expmap|ctx)$/i;

/** What a word says a plane is, where it is no image. */
const planeOfWord = (word: string) => PLANE_WORDS.find(([pattern]) => pattern.test(word))?.[1] ?? null;

/** What an HDU's header says it is, where that is no image of the sky: "a weight map", "an error plane", … */
export function planeOfHeader(header: FitsCard[]): string | null {
  const words = (cardValue(header, "EXTNAME") ?? "").split(/[\s._\-:]+/);
  const byName = words.map(planeOfWord).find((what) => what !== null);
  if (byName !== undefined) return byName;
  const role = cardValue(header, "HDUCLAS2") ?? "";
  return /^(ERROR|QUALITY|MASK|VARIANCE)/i.test(role) ? `a plane of class ${role}` : null;
}

/** What a file's name says it is, where that is no image; `certain` where it needs no image of that name beside it. */
export function planeOfFileName(stem: string): { what: string; certain: boolean; image: string } | null {
  const words = stem.split(/[\s._-]+/);
  const marked = words.filter((word) => planeOfWord(word) !== null);
  if (marked.length === 0) return null;
  return {
    what: planeOfWord(marked[0]) as string,
    certain: marked.some((word) => CERTAIN.test(word)),
    image: imageKey(stem),
  };
}

/** A file name without the words that tell an image from its weight map. */
export const imageKey = (stem: string): string =>
  stem
    .split(/[\s._-]+/)
    .filter(
      (word) => planeOfWord(word) === null && !/^(sci|science|image|img|data|drz|drc|i2d|frame|coadd)$/i.test(word),
    )
    .join("_")
    .toLowerCase();

/** One way to read a file's name as an object and a band. */
export interface BandSplit {
  band: string;
  /** The name without the band; empty where it is nothing else. */
  rest: string;
  /** The band's word ends the name and is written as bands usually are, so that no second file need bear it out. */
  plain: boolean;
}

/** Every way to read a band out of a file's name, the likeliest first: its last word, its first, one between. */
export function bandsInFileName(stem: string): BandSplit[] {
  const parts = stem.split(/([\s._-]+)/);
  const splits: BandSplit[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const band = bandOfWord(parts[i]);
    if (band === null || parts[i] === "" || /^[BV]$/.test(parts[i])) continue;
    const last = i === parts.length - 1;
    const left = parts.slice(0, last ? Math.max(0, i - 1) : i);
    const rest = [...left, ...parts.slice(i + 2)].join("");
    splits.push({ band, rest, plain: last && i > 0 && !/^([UGRIZ]|[riRI]2)$/.test(parts[i]) });
  }
  const order = (split: BandSplit) => (stem.endsWith(split.rest) && !stem.startsWith(split.rest) ? 1 : 0);
  return splits.length < 2
    ? splits
    : [splits.at(-1) as BandSplit, ...splits.slice(0, -1).sort((a, b) => order(b) - order(a))];
}
