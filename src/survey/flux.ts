/** FITS and HDF5 files as flux stamps. */
import { basename, join } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem } from "../contract/survey.ts";
import { describeFile, type Intake, refusal } from "./create.ts";
import { type Found, nameOfGroup, sourceOfGroup } from "./files.ts";
import { cardValue, type FitsCard, readFitsHdus, readFitsImage } from "./fits.ts";
import type { NewStamp } from "./folder.ts";
import { readHdf5Stamps } from "./hdf5.ts";
import { judgeFlux, QUALITY } from "./quality.ts";
import { parseWcs } from "./wcs.ts";

/** The bands of a cube of three planes that names none: those of the Legacy Surveys' cutouts. */
export const DEFAULT_BANDS = ["g", "r", "z"];
type Group = Found["fits"][number];

interface FluxImage {
  widthPx: number;
  heightPx: number;
  bands: Map<string, Float32Array>;
  header: FitsCard[];
}

const bandIn = (header: FitsCard[]) => {
  const named = cardValue(header, "BAND") ?? cardValue(header, "FILTER") ?? cardValue(header, "EXTNAME");
  return named === undefined
    ? undefined
    : /^[ugrizyYJHK]$/.test(named.split(/[ .]/)[0])
      ? named.split(/[ .]/)[0]
      : undefined;
};

/** The bands of a cube: keyword BANDS ("grz") or BAND0, BAND1, …; else g, r, z for three planes. */
export function cubeBands(header: FitsCard[], planes: number): string[] {
  const joined = cardValue(header, "BANDS");
  if (joined?.length === planes) return [...joined];
  const single = Array.from({ length: planes }, (_, i) => cardValue(header, `BAND${i}`));
  if (single.every((name) => name !== undefined)) return single as string[];
  return planes === 3
    ? DEFAULT_BANDS
    : planes === 1
      ? [bandIn(header) ?? "r"]
      : Array.from({ length: planes }, (_, i) => `band${i + 1}`);
}

/** All bands of one object, from a cube, several extensions, or one file a band. */
function readGroup(folder: string, { files }: Group): FluxImage {
  const images = files.flatMap(({ file, band }) => {
    const path = join(folder, file);
    const hdus = readFitsHdus(path).flatMap(({ type, shape }, hdu) =>
      type === "image" && shape.length >= 2 && shape.every((n) => n > 0) ? [hdu] : [],
    );
    if (hdus.length === 0) throw new SkyloopError("NO_IMAGE", `${basename(file)} holds no image`);
    return hdus.map((hdu) => ({ image: readFitsImage(path, hdu), band, several: hdus.length > 1, hdu }));
  });
  const [first] = images;
  const bands = new Map<string, Float32Array>();
  for (const { image, band, several, hdu } of images) {
    if (image.widthPx !== first.image.widthPx || image.heightPx !== first.image.heightPx) {
      // Extensions of other shapes (weights, masks, PSFs) are no bands; files of other shapes are a mistake.
      if (several) continue;
      throw new SkyloopError(
        "WRONG_SHAPE",
        `bands differ in size: ${first.image.widthPx}x${first.image.heightPx} and ${image.widthPx}x${image.heightPx}`,
      );
    }
    const names =
      image.planes > 1
        ? cubeBands(image.header, image.planes)
        : [band ?? bandIn(image.header) ?? (several ? `band${hdu}` : "r")];
    const N = image.widthPx * image.heightPx;
    for (const [plane, name] of names.entries())
      if (!bands.has(name)) bands.set(name, image.data.subarray(plane * N, (plane + 1) * N));
  }
  return { widthPx: first.image.widthPx, heightPx: first.image.heightPx, bands, header: first.image.header };
}

/** Bands that most objects have, in order of wavelength: of the first readable files. HDF5 sets are g, r, z. */
export async function findBands(folder: string, { fits }: Found): Promise<string[]> {
  const order = "ugrizyYJHK";
  const counts = new Map<string, number>();
  let read = 0;
  for (const group of fits.slice(0, 40)) {
    try {
      const key = [...readGroup(folder, group).bands.keys()]
        .sort((a, b) => order.indexOf(a) - order.indexOf(b))
        .join(",");
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (++read === 12) break;
    } catch {
      // Named as a problem when the stamps are read.
    }
  }
  const [best] = [...counts].sort((a, b) => b[1] - a[1]);
  return best === undefined ? DEFAULT_BANDS : best[0].split(",");
}

/** Pixel scale of the first image with coordinates; 0.262 for HDF5 sets of the Legacy Surveys; null where unknown. */
export async function findPixelScale(folder: string, { fits, hdf5 }: Found): Promise<number | null> {
  for (const { files } of fits.slice(0, 10)) {
    try {
      const image = readFitsHdus(join(folder, files[0].file)).find(({ shape }) => shape.length >= 2);
      const wcs = image === undefined ? null : parseWcs(image.cards);
      if (wcs !== null) return wcs.pixelScaleArcsec;
    } catch {
      // The next file may have one.
    }
  }
  return hdf5.length > 0 ? 0.262 : null;
}

/** Every object of the FITS and HDF5 files, or the reason why it cannot be taken. */
export async function* readFluxStamps(
  folder: string,
  found: Found,
  bands: string[],
  intake: Intake,
  progress: Progress,
): AsyncGenerator<NewStamp | Problem> {
  for (const [done, group] of found.fits.entries()) {
    const source = sourceOfGroup(group);
    try {
      yield* takeGroup(folder, group, source, bands, intake);
    } catch (error) {
      yield refusal(source, error instanceof SkyloopError ? error.code : "FITS_UNREADABLE", messageOf(error));
    }
    progress.update(done + 1, found.fits.length);
  }
  for (const file of found.hdf5) yield* readHdf5Stamps(folder, file, bands, intake.labels, progress);
}

function* takeGroup(
  folder: string,
  group: Group,
  source: string,
  bands: string[],
  intake: Intake,
): Generator<NewStamp | Problem> {
  const image = readGroup(folder, group);
  const missing = bands.filter((band) => !image.bands.has(band));
  if (missing.length > 0) {
    yield {
      source,
      code: "BAND_MISSING",
      message: `has no band ${missing.join(", ")} (it has ${[...image.bands.keys()].join(", ")}); add the file, or choose bands with --bands`,
      kept: false,
    };
    return;
  }
  const N = image.widthPx * image.heightPx;
  const data = new Float32Array(bands.length * N);
  for (const [i, band] of bands.entries()) data.set(image.bands.get(band) as Float32Array, i * N);
  const described = describeFile(nameOfGroup(group)[0], intake);
  const wcs = parseWcs(image.header);
  const middle = wcs?.pixelToSky((image.widthPx - 1) / 2, (image.heightPx - 1) / 2);
  const raDeg = described.raDeg ?? middle?.raDeg ?? null;
  const decDeg = described.decDeg ?? middle?.decDeg ?? null;
  yield* judged(
    { ...described, raDeg, decDeg, source, widthPx: image.widthPx, heightPx: image.heightPx, codec: "f32", data },
    bands.length,
  );
}

/** A stamp with its quality bits and, where something is wrong with it, a word about that. */
export function* judged(
  stamp: NewStamp & { codec: "f32"; data: Float32Array },
  bands: number,
): Generator<NewStamp | Problem> {
  const { source } = stamp;
  if (Math.min(stamp.widthPx, stamp.heightPx) < 16) {
    yield {
      source,
      code: "TOO_SMALL",
      message: `${stamp.widthPx} x ${stamp.heightPx} px; a stamp needs 16 or more`,
      kept: false,
    };
    return;
  }
  const { quality, nan, zero, useless } = judgeFlux(stamp.data, bands);
  if (useless) {
    yield { source, code: "NO_SIGNAL", message: "no band has two different finite pixels", kept: false };
    return;
  }
  if (nan > 0)
    yield {
      source,
      code: "NAN_PIXELS",
      message: `${nan} of ${stamp.data.length} values are NaN; kept as NaN, models see them as zero`,
      kept: true,
    };
  if ((quality & QUALITY.zeroPixels) !== 0)
    yield {
      source,
      code: "ZERO_PIXELS",
      message: `${zero} of ${stamp.data.length} values are exactly 0, as masked pixels are; kept`,
      kept: true,
    };
  yield { ...stamp, quality: (stamp.quality ?? 0) | quality };
}
