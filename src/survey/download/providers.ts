/** Services that cut images at a position: one visible table of what each serves, allows and wants to be told. */

/** A service and what is known of it. */
export interface Provider {
  title: string;
  /**
   * Address of a FITS cutout; null where there is none. `{ra}` `{dec}` in degrees, `{size}` in px, `{scale}` in arcsec/px, `{fov}` in
   * degrees, `{bands}` all at once or `{band}` for one request a band, `{id}`, `{file}` from `lookup`.
   */
  flux: string | null;
  /** Address of a picture in colour, likewise. */
  picture: string | null;
  /** Address of a table that names the file of each band, asked before the cutout. */
  lookup?: string;
  /** Data release or layer, for the survey's provenance. */
  layer: string;
  /** Bands that may be asked for; empty where any may. */
  bands: string[];
  defaultBands: string[];
  /** Unit of FITS values whose header names none. */
  unit: string;
  /** What values are multiplied by, by keywords of the header, to be in `unit`; absent where they are as they are. */
  factor?: "ps1";
  /** Native pixel scale; `fixed`: no other is served. */
  scaleArcsec: number;
  fixedScale: boolean;
  /** The largest side in px; a larger one comes smaller without an error. */
  mostPx: number;
  /** The most that may be asked for with --rate and --at-once. */
  most: { perSecond: number; atOnce: number };
  credit: string;
  terms: string;
  /** Where to get very many images. */
  bulk: string;
}

const LEGACY_CREDIT =
  "The Legacy Surveys (DECaLS, BASS, MzLS; Dey et al. 2019, AJ 157, 168); full text: https://www.legacysurvey.org/acknowledgment/";
const VIEWER = {
  scaleArcsec: 0.262,
  fixedScale: false,
  mostPx: 3000,
  most: { perSecond: 5, atOnce: 4 },
  unit: "nanomaggy",
} as const;
const VIEWER_TERMS =
  "public; no number of requests is documented; sides up to 512 px are documented, from 3000 px on the service sends fewer without a word";
const LEGACY_BULK = "coadded bricks at https://portal.nersc.gov/cfs/cosmo/data/legacysurvey/";

const viewer = (kind: "fits" | "jpeg", layer: string) =>
  `https://www.legacysurvey.org/viewer/${kind}-cutout?ra={ra}&dec={dec}&layer=${layer}&pixscale={scale}&bands={bands}&size={size}`;

/** The services by the names of `--from`. Read from their documentation and sources; none could be asked from the tests. */
export const PROVIDERS: Record<string, Provider> = {
  "legacy-dr10": {
    ...VIEWER,
    title: "DESI Legacy Imaging Surveys DR10",
    flux: viewer("fits", "ls-dr10"),
    picture: viewer("jpeg", "ls-dr10"),
    layer: "ls-dr10",
    bands: ["g", "r", "i", "z"],
    defaultBands: ["g", "r", "z"],
    credit: LEGACY_CREDIT,
    terms: VIEWER_TERMS,
    bulk: `${LEGACY_BULK}dr10/`,
  },
  "legacy-dr9": {
    ...VIEWER,
    title: "DESI Legacy Imaging Surveys DR9",
    flux: viewer("fits", "ls-dr9"),
    picture: viewer("jpeg", "ls-dr9"),
    layer: "ls-dr9",
    bands: ["g", "r", "z"],
    defaultBands: ["g", "r", "z"],
    credit: LEGACY_CREDIT,
    terms: VIEWER_TERMS,
    bulk: `${LEGACY_BULK}dr9/`,
  },
  sdss: {
    ...VIEWER,
    title: "Sloan Digital Sky Survey",
    flux: viewer("fits", "sdss"),
    picture:
      "https://skyserver.sdss.org/dr18/SkyServerWS/ImgCutout/getjpeg?ra={ra}&dec={dec}&scale={scale}&width={size}&height={size}",
    layer: "sdss",
    bands: ["u", "g", "r", "i", "z"],
    defaultBands: ["g", "r", "i"],
    scaleArcsec: 0.396,
    mostPx: 2048,
    credit:
      "SDSS (https://www.sdss.org/collaboration/citing-sdss/); FITS by the Legacy Surveys' viewer, which resampled them",
    terms: "public; FITS come from the Legacy Surveys' viewer (coadded and resampled), pictures from SkyServer",
    bulk: "corrected frames at https://data.sdss.org/sas/dr17/eboss/photoObj/frames/",
  },
  ps1: {
    title: "Pan-STARRS1 3pi stacks",
    flux: "https://ps1images.stsci.edu/cgi-bin/fitscut.cgi?ra={ra}&dec={dec}&size={size}&format=fits&red={file}",
    picture:
      "https://ps1images.stsci.edu/cgi-bin/fitscut.cgi?ra={ra}&dec={dec}&size={size}&format=jpg&red={red}&green={green}&blue={blue}",
    lookup: "https://ps1images.stsci.edu/cgi-bin/ps1filenames.py?ra={ra}&dec={dec}&filters={bands}&type=stack",
    layer: "ps1-stack",
    bands: ["g", "r", "i", "z", "y"],
    defaultBands: ["g", "r", "i"],
    unit: "nanomaggy",
    factor: "ps1",
    scaleArcsec: 0.25,
    fixedScale: true,
    mostPx: 6000,
    most: { perSecond: 5, atOnce: 4 },
    credit: "Pan-STARRS1 (Chambers et al. 2016, arXiv:1612.05560), from MAST at STScI",
    terms: "public; no number of requests is documented; north of declination -30 only",
    bulk: "whole sky cells by ps1filenames.py, at https://ps1images.stsci.edu/",
  },
  hips: {
    title: "HiPS by hips2fits",
    flux: "https://alasky.cds.unistra.fr/hips-image-services/hips2fits?hips={id}&width={size}&height={size}&fov={fov}&projection=TAN&coordsys=icrs&ra={ra}&dec={dec}&rotation_angle=0&format=fits",
    picture:
      "https://alasky.cds.unistra.fr/hips-image-services/hips2fits?hips={id}&width={size}&height={size}&fov={fov}&projection=TAN&coordsys=icrs&ra={ra}&dec={dec}&rotation_angle=0&format=jpg",
    layer: "{id}",
    bands: [],
    defaultBands: [],
    unit: "unknown",
    scaleArcsec: 0.25,
    fixedScale: false,
    mostPx: 4096,
    most: { perSecond: 5, atOnce: 4 },
    credit: "This research made use of hips2fits, a service provided by CDS; and the survey's own credit line",
    terms: "public; resampled from HiPS tiles (bilinear): good to look at and to classify, not for photometry",
    bulk: "the HiPS itself, listed at https://aladin.cds.unistra.fr/hips/list",
  },
};

/** What holds for an address of the user's own. */
export const OWN_ADDRESS: Omit<Provider, "flux" | "picture" | "layer"> = {
  title: "own address",
  bands: [],
  defaultBands: ["g", "r", "z"],
  unit: "unknown",
  scaleArcsec: 0.262,
  fixedScale: false,
  mostPx: 4096,
  most: { perSecond: 1000, atOnce: 64 },
  credit: "",
  terms: "yours to know",
  bulk: "ask whoever runs the service for its tiles",
};
