/** What columns are usually called. Names are compared without case and without what is no letter or digit. */

const plainName = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** Columns that name an object, the likeliest first. */
const ID_NAMES = [
  "id",
  "objid",
  "objectid",
  "sourceid",
  "targetid",
  "galaxyid",
  "galid",
  "lsid",
  "dr10id",
  "dr9id",
  "dr8id",
  "dr8objid",
  "dr7objid",
  "photoobjid",
  "specobjid",
  "coaddobjectid",
  "diaobjectid",
  "psobjid",
  "subjectid",
  "assetid",
  "gzid",
  "cutoutid",
  "stampid",
  "imageid",
  "catid",
  "srcid",
  "uniqueid",
  "uid",
  "iauname",
  "mainid",
  "designation",
  "name",
  "objname",
  "objectname",
  "sourcename",
  "galaxyname",
  "galaxy",
  "object",
  "source",
  "target",
  "targetname",
  "obj",
  "jname",
  "plateifu",
  "mangaid",
  "cataid",
  "catalogid",
  "nsaid",
  "sdssid",
  "kicid",
  "ticid",
  "pgc",
  "number",
  "recno",
];
/** Parts of names such as ID_COSMOS or gz2_id; other things than objects have ids, too. */
const ID_WORD = /^(id|ids|objid|objectid)$/;
const OTHER_THINGS =
  /^(field|plate|brick|fiber|fibre|run|filter|ccd|tile|exp|exposure|chip|frame|image|night|group|cluster|host|parent|class|user|classification|workflow|survey|band|pixel|healpix)s?$/;
const FILE_NAMES = [
  "file",
  "filename",
  "fileloc",
  "filepath",
  "path",
  "image",
  "imagefile",
  "imagename",
  "imagepath",
  "img",
  "imgpath",
  "jpg",
  "jpgloc",
  "png",
  "pngloc",
  "pngfile",
  "fits",
  "fitsfile",
  "fitsloc",
  "cutout",
  "cutoutfile",
  "cutoutpath",
];
/** What follows `ra` and `dec` in pairs of position columns, the likeliest first. */
const ENDS = [
  "",
  "deg",
  "d",
  "degrees",
  "indeg",
  "j2000",
  "j2000deg",
  "icrs",
  "2000",
  "mean",
  "stack",
  "obj",
  "target",
  "win",
  "winj2000",
  "peak",
  "peakj2000",
  "sky",
  "winsky",
  "cen",
  "cent",
  "center",
  "centre",
  "gaia",
  "gal",
  "opt",
  "hms",
  "dms",
  "sex",
  "str",
  "hours",
  "1",
];
const RA_ROOTS = ["ra", "rightascension", "alpha", "coordra", "targetra", "objra", "raj", "sra"];
const DEC_ROOTS = ["dec", "de", "declination", "decl", "delta", "coorddec", "targetdec", "objdec", "decj", "sdec"];

/** The columns of these names, the likeliest first; where two differ in case only, the first. */
function columnsCalled(columns: string[], names: string[]): string[] {
  const byName = new Map<string, string>();
  for (const column of columns) if (!byName.has(plainName(column))) byName.set(plainName(column), column);
  return names.flatMap((name) => byName.get(name) ?? []);
}

/** The columns that may hold an object's id, by their names, the likeliest first. */
/** The columns that may hold ids: those of known names, then any other with the word in its name. */
export function idColumns(columns: string[]): string[] {
  const known = columnsCalled(columns, ID_NAMES);
  const others = columns.filter((column) => {
    const words = wordsOf(column);
    return words.some((word) => ID_WORD.test(word)) && !words.some((word) => OTHER_THINGS.test(word));
  });
  return [...known, ...others.filter((column) => !known.includes(column))];
}

const wordsOf = (name: string) =>
  name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

/** The columns that may hold a file's name or path, by their names, the likeliest first. */
export const fileColumns = (columns: string[]) => columnsCalled(columns, FILE_NAMES);

/** Where a position stands: a column each, or VizieR's RAh, RAm, RAs, DE-, DEd, DEm, DEs. */
export interface PositionColumns {
  ra: string[];
  dec: string[];
  /** Right ascension is in hours by the column's name. */
  hours: boolean;
}

/** The columns of a position; null where none are known by their names. */
export function positionColumns(columns: string[]): PositionColumns | null {
  const one = (roots: string[], end: string) =>
    columnsCalled(
      columns,
      roots.map((root) => root + end),
    )[0];
  // ra with dec, ra_j2000 with dec_j2000, …; then whatever there is of each.
  for (const end of ENDS) {
    const [ra, dec] = [one(RA_ROOTS, end), one(DEC_ROOTS, end)];
    if (ra !== undefined && dec !== undefined) return { ra: [ra], dec: [dec], hours: end === "hours" };
  }
  const any = (roots: string[]) => ENDS.map((end) => one(roots, end)).find((name) => name !== undefined);
  const [ra, dec] = [any(RA_ROOTS), any(DEC_ROOTS)];
  if (ra !== undefined && dec !== undefined) return { ra: [ra], dec: [dec], hours: /hours$/.test(plainName(ra)) };
  const alike = pairAlike(columns);
  if (alike !== null) return alike;
  const parts = (names: string[]) => columnsCalled(columns, names);
  const [hms, dms] = [parts(["rah", "ram", "ras"]), parts(["ded", "dem", "des"])];
  const sign = columns.find((column) => /^DE-$/i.test(column));
  if (hms.length === 3 && dms.length === 3)
    return { ra: hms, dec: sign === undefined ? dms : [sign, ...dms], hours: true };
  return null;
}

/** Errors, motions and offsets of positions are no positions. */
const NO_POSITION =
  /^(e|err|errs|error|errors|sig|sigma|std|stdev|stddev|unc|ivar|var|pm|offset|off|d|rate|scale|size|fwhm|cov|corr)$/;

/** Two columns called `ra` and `dec` with the same words beside it: fiber_ra and fiber_dec, RA_TARG and DEC_TARG. */
function pairAlike(columns: string[]): PositionColumns | null {
  const rest = (name: string, roots: string[]) => {
    const words = wordsOf(name);
    const at = words.findIndex((word) => roots.includes(word));
    if (at < 0 || words.some((word) => NO_POSITION.test(word))) return null;
    return words.filter((_, i) => i !== at).join(" ");
  };
  for (const ra of columns) {
    const words = rest(ra, ["ra"]);
    const dec = words === null ? undefined : columns.find((column) => rest(column, ["dec", "de", "decl"]) === words);
    if (dec !== undefined) return { ra: [ra], dec: [dec], hours: /\bhours?\b/.test(words ?? "") };
  }
  return null;
}
