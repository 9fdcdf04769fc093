/** How the stamps of a survey are measured: what the survey says and what was asked for, in pixels. */
import { SkyloopError } from "../../base/errors.ts";
import { MEASURE_DEFAULTS, type MeasureOptions } from "../../measure/morphology/measure.ts";
import { colourBands } from "../../stamps/render.ts";
import { columnOf, type Survey } from "../../survey/folder.ts";
import { UNKNOWN_UNIT } from "../../survey/units.ts";

/** What can be asked for. Lengths in arcsec, or in pixels where the survey has no pixel scale. */
export interface MeasureRequest {
  /** Band that shapes are measured in; r, else the middle one. */
  band?: string;
  aperture?: number;
  /** Full width at half maximum of the PSF, or the catalogue column that has it. */
  psf?: number;
  psfColumn?: string;
  sky?: MeasureOptions["sky"];
  threshold?: number;
  contrast?: number;
}

/** All that a thread needs to measure stamps of a survey. */
export interface MeasurePlan {
  bands: string[];
  shapeBand: string;
  fluxUnit?: string;
  pixelScaleArcsec: number | null;
  psfColumn: string | null;
  options: MeasureOptions;
}

/** Radius of the circular aperture: 3 arcsec, or pixels. */
const APERTURE = { arcsec: 3, px: 8 } as const;
/** The one band of a picture: the mean of its colours. */
const GREY = "grey";

function positive(name: string, value: number | undefined, otherwise: number): number {
  const number = value ?? otherwise;
  if (!(number > 0 && Number.isFinite(number)))
    throw new SkyloopError("BAD_OPTION", `${name} is a number above 0, not ${value}`);
  return number;
}

function bandOf({ header }: Pick<Survey, "header">, wanted: string | undefined): number {
  const { bands } = header;
  const name = wanted ?? bands.find((band) => band.toLowerCase() === "r") ?? bands[colourBands(bands)[1]];
  const found = bands.indexOf(name);
  if (found < 0) throw new SkyloopError("BAD_OPTION", `the survey has no band ${name}; it has ${bands.join(", ")}`);
  return found;
}

/** The plan for a survey. Throws BAD_OPTION, COLUMN_MISSING. */
export function measurePlan(
  survey: Pick<Survey, "header" | "folder" | "columns">,
  request: MeasureRequest,
): MeasurePlan {
  const { header } = survey;
  const { pixelScaleArcsec, kind, unit } = header;
  const colour = kind === "colour";
  if (colour && request.band !== undefined)
    throw new SkyloopError("BAD_OPTION", "pictures are measured in grey, the mean of their colours; leave out --band");
  if (request.psfColumn !== undefined && columnOf(survey, request.psfColumn).type !== "number")
    throw new SkyloopError("BAD_OPTION", `column ${request.psfColumn} holds no numbers; --psf-column has widths`);
  if (request.psf !== undefined && request.psfColumn !== undefined)
    throw new SkyloopError("BAD_OPTION", "give either --psf or --psf-column");
  const contrast = request.contrast ?? MEASURE_DEFAULTS.contrast;
  if (!(contrast >= 0 && contrast <= 1))
    throw new SkyloopError("BAD_OPTION", `--contrast is a share from 0 to 1, not ${request.contrast}`);
  const px = (length: number) => length / (pixelScaleArcsec ?? 1);
  const band = colour ? 0 : bandOf(survey, request.band);
  const bands = colour ? [GREY] : header.bands;
  return {
    bands,
    shapeBand: bands[band],
    ...(colour || unit === UNKNOWN_UNIT ? {} : { fluxUnit: unit }),
    pixelScaleArcsec,
    psfColumn: request.psfColumn ?? null,
    options: {
      ...MEASURE_DEFAULTS,
      band,
      aperturePx: px(
        positive("--aperture", request.aperture, pixelScaleArcsec === null ? APERTURE.px : APERTURE.arcsec),
      ),
      psfFwhmPx: request.psf === undefined ? null : px(positive("--psf", request.psf, 0)),
      sky: request.sky ?? MEASURE_DEFAULTS.sky,
      thresholdSigmas: positive("--threshold", request.threshold, MEASURE_DEFAULTS.thresholdSigmas),
      contrast,
    },
  };
}
