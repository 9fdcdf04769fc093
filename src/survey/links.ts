/** Where more is known of a place on the sky: one visible table of addresses. */

/** A place and how much of the sky around it is of interest. */
export interface LinkedPlace {
  raDeg: number;
  decDeg: number;
  /** Side of the object's stamp; null where its scale is not known. */
  fieldArcsec: number | null;
}

interface Service {
  name: string;
  /** `{ra}` `{dec}` in degrees (`{dec+}` with its sign), `{fov}` in degrees, `{fovArcmin}`, `{radius}` in arcsec, `{scale}` in arcsec/px for 512 px. */
  url: string;
  /** Declinations outside of which the survey has certainly nothing; the whole sky where absent. */
  decDeg?: [south: number, north: number];
}

const SERVICES: Service[] = [
  {
    name: "Legacy viewer",
    url: "https://www.legacysurvey.org/viewer?ra={ra}&dec={dec}&layer=ls-dr10&zoom={zoom}&mark={ra},{dec}",
  },
  {
    name: "SDSS",
    url: "https://skyserver.sdss.org/dr18/VisualTools/navi?ra={ra}&dec={dec}&scale={scale}",
    decDeg: [-26, 86],
  },
  {
    name: "Pan-STARRS",
    url: "https://ps1images.stsci.edu/cgi-bin/ps1cutouts?pos={ra}+{dec}&filter=color&size={ps1Px}",
    decDeg: [-31, 90],
  },
  { name: "Aladin Lite", url: "https://aladin.cds.unistra.fr/AladinLite/?target={ra}%20{dec+}&fov={fov}" },
  { name: "ESASky", url: "https://sky.esa.int/esasky/?target={ra}%20{dec}&fov={fov}&cooframe=J2000" },
  {
    name: "SIMBAD",
    url: "https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={ra}+{dec+}&CooFrame=ICRS&Radius={radius}&Radius.unit=arcsec",
  },
  {
    name: "NED",
    url: "https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search&coordinates={ra}d%20{dec}d&radius={radiusArcmin}",
  },
  { name: "VizieR", url: "https://vizier.cds.unistra.fr/viz-bin/VizieR?-c={ra}%20{dec+}&-c.rs={radius}" },
];

/** The usual side where the stamp's is not known. */
const FIELD_ARCSEC = 60;

/** Addresses of other services for a place, those that may have something there. */
export function linksOf({ raDeg, decDeg, fieldArcsec }: LinkedPlace): { name: string; url: string }[] {
  const field = Math.min(3600, Math.max(10, fieldArcsec ?? FIELD_ARCSEC));
  const radius = Math.min(120, Math.max(5, field / 4));
  const short = (value: number, digits: number) => String(Number(value.toFixed(digits)));
  const sign = decDeg < 0 ? "-" : "%2B";
  const words: Record<string, string> = {
    ra: short(raDeg, 6),
    dec: short(decDeg, 6),
    "dec+": `${sign}${short(Math.abs(decDeg), 6)}`,
    fov: short((2 * field) / 3600, 5),
    radius: short(radius, 1),
    radiusArcmin: short(radius / 60, 3),
    scale: short((2 * field) / 512, 3),
    ps1Px: String(Math.round(field / 0.25)),
    // Web maps have 256 px for the whole circle at zoom 0, and twice as many with each step; a window has some 800.
    zoom: String(Math.min(16, Math.max(8, Math.round(Math.log2((360 * 3600 * 800) / 256 / (2 * field)))))),
  };
  return SERVICES.filter(({ decDeg: range }) => range === undefined || (decDeg >= range[0] && decDeg <= range[1])).map(
    ({ name, url }) => ({ name, url: url.replace(/\{([\w+]+)\}/g, (_, word: string) => words[word]) }),
  );
}
