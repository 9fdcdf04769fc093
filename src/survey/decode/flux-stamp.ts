/** The FITS files of one object as one stamp; runs in a process of its own. */
import { basename, join } from "node:path";
import { codeOf, messageOf, SkyloopError } from "../../base/errors.ts";
import { type FitsHdu, type FitsSource, openFits } from "../fits.ts";
import type { FitsGroup } from "../fits-groups.ts";
import { shiftPlane, turnNorthUp, turnPlane } from "../orient.ts";
import { judgeFlux } from "../quality.ts";
import { unitFactor, unitOfHeaders } from "../units.ts";
import { parseWcs, type Wcs } from "../wcs.ts";
import { chooseImages, type ImageHdu } from "./planes.ts";

/** Stamps are objects; a whole field belongs to --wide. */
const MOST_PIXELS = 2 ** 26;

/** What the headers of an object's files say. */
export interface FluxHead {
  bands: string[];
  pixelScaleArcsec: number | null;
  unit: string;
}

/** A reservation about an object, with a code of docs/errors.md. */
export interface Note {
  code: string;
  message: string;
}

/** An object's pixels and what they are. */
export interface FluxObject {
  widthPx: number;
  heightPx: number;
  /** Bands that the files hold. */
  found: string[];
  /** [wanted bands, H, W], north up; null where one of them is missing. */
  data: Float32Array | null;
  /** The middle of the image, ICRS. */
  raDeg: number | null;
  decDeg: number | null;
  quality: ReturnType<typeof judgeFlux> | null;
  notes: Note[];
}

interface Part extends ImageHdu {
  source: FitsSource;
  file: string;
  unit: string;
  wcs: Wcs | null;
}

/** Bands, scale and unit by the headers alone. */
export function fluxHead({ folder, group }: { folder: string; group: FitsGroup }): FluxHead {
  const { parts } = openGroup(folder, group, []);
  const scale = parts.find(({ wcs }) => wcs !== null)?.wcs?.pixelScaleArcsec;
  return { bands: parts.flatMap(({ bands }) => bands), pixelScaleArcsec: scale ?? null, unit: parts[0].unit };
}

/** Throws FITS_UNREADABLE, NO_IMAGE, WRONG_SHAPE, FILE_TOO_LARGE. */
export function fluxObject(input: { folder: string; group: FitsGroup; bands: string[]; unit: string }): FluxObject {
  const notes: Note[] = [];
  const { parts } = openGroup(input.folder, input.group, notes);
  const [first] = parts;
  const { widthPx, heightPx } = first;
  const sized = parts.find((part) => part.widthPx !== widthPx || part.heightPx !== heightPx);
  if (sized !== undefined)
    throw new SkyloopError(
      "WRONG_SHAPE",
      `bands differ in size: ${widthPx}x${heightPx} and ${sized.widthPx}x${sized.heightPx}`,
    );
  const N = widthPx * heightPx;
  if (N * parts.reduce((sum, { planes }) => sum + planes, 0) > MOST_PIXELS)
    throw new SkyloopError(
      "FILE_TOO_LARGE",
      `${widthPx} x ${heightPx} px in ${parts.flatMap(({ bands }) => bands).length} bands are more than a stamp's ${MOST_PIXELS} values; cut stamps out of it with --wide and --catalogue`,
    );
  const middle = { x: (widthPx - 1) / 2, y: (heightPx - 1) / 2 };
  const turn = turnNorthUp(first.wcs, middle.x, middle.y);
  const places = new Map<string, { part: Part; plane: number }>();
  for (const part of parts)
    for (const [plane, band] of part.bands.entries())
      if (places.has(band))
        notes.push({ code: "PLANE_LEFT_OUT", message: `a second image of band ${band}: ${part.file}` });
      else places.set(band, { part, plane });
  const sky = first.wcs?.pixelToSky(middle.x, middle.y) ?? null;
  const result: FluxObject = {
    ...(turn.swap ? { widthPx: heightPx, heightPx: widthPx } : { widthPx, heightPx }),
    found: [...places.keys()],
    data: null,
    raDeg: sky?.raDeg ?? null,
    decDeg: sky?.decDeg ?? null,
    quality: null,
    notes,
  };
  if (!input.bands.every((band) => places.has(band))) return result;
  const data = new Float32Array(input.bands.length * N);
  const read = new Map<Part, Float32Array>();
  for (const [i, band] of input.bands.entries()) {
    const { part, plane } = places.get(band) as { part: Part; plane: number };
    const pixels = read.get(part) ?? part.source.pixels(part.hdu);
    read.set(part, pixels);
    const own = aligned(pixels.subarray(plane * N, (plane + 1) * N), part, first, notes);
    data.set(turnPlane(scaled(own, part.unit, input.unit, part, notes), widthPx, heightPx, turn), i * N);
  }
  for (const source of new Set(parts.map((part) => part.source))) checkSums(source, notes);
  return { ...result, data, quality: judgeFlux(data, input.bands.length) };
}

function openGroup(folder: string, { files }: FitsGroup, notes: Note[]): { parts: Part[] } {
  const parts = files.flatMap(({ file, band }) => {
    const source = openFits(join(folder, file));
    const { images, leftOut } = chooseImages(source.hdus, band);
    if (images.length === 0)
      throw new SkyloopError(
        "NO_IMAGE",
        leftOut.length === 0
          ? `${basename(file)} holds no image`
          : `${basename(file)} holds no image but ${leftOut.join(", ")}`,
      );
    if (leftOut.length > 0) notes.push({ code: "PLANE_LEFT_OUT", message: `left out: ${leftOut.join(", ")}` });
    return images.map((image): Part => {
      const headers = [image.cards, source.hdus[0].cards];
      return { ...image, source, file, unit: unitOfHeaders(headers), wcs: wcsOf(image.cards, source.hdus, notes) };
    });
  });
  return { parts };
}

/** An image whose coordinates cannot be used is still an image. */
function wcsOf(cards: FitsHdu["cards"], hdus: FitsHdu[], notes: Note[]): Wcs | null {
  try {
    return parseWcs(cards, hdus[0].cards);
  } catch (error) {
    notes.push({
      code: codeOf(error) ?? "WCS_UNSUPPORTED",
      message: `${messageOf(error)}; taken in without a position from its header`,
    });
    return null;
  }
}

/** A band on the pixels of the first one: moved by whole pixels where its coordinates say so. Throws WRONG_SHAPE. */
function aligned(plane: Float32Array, part: Part, first: Part, notes: Note[]): Float32Array {
  if (part === first || part.wcs === null || first.wcs === null) return plane;
  const { widthPx, heightPx } = first;
  const shifts = [
    [0, 0],
    [widthPx - 1, 0],
    [0, heightPx - 1],
    [widthPx - 1, heightPx - 1],
    [(widthPx - 1) / 2, (heightPx - 1) / 2],
  ].map(([x, y]) => {
    const sky = first.wcs?.pixelToSky(x, y) ?? null;
    const there = sky === null ? null : (part.wcs?.skyToPixel(sky.raDeg, sky.decDeg) ?? null);
    return there === null ? null : [there.x - x, there.y - y];
  });
  const [mx, my] = shifts[4] ?? [0, 0];
  const [dx, dy] = [Math.round(mx), Math.round(my)];
  const spread = Math.max(...shifts.map((shift) => (shift === null ? 1e9 : Math.hypot(shift[0] - mx, shift[1] - my))));
  if (!(spread <= 1) || Math.abs(dx) >= widthPx || Math.abs(dy) >= heightPx)
    throw new SkyloopError(
      "WRONG_SHAPE",
      `bands lie on other pixels by their headers' coordinates: ${basename(part.file)} is turned, scaled or moved against ${basename(first.file)}; resample them to the same pixels`,
    );
  if (dx === 0 && dy === 0) return plane;
  notes.push({
    code: "BAND_MOVED",
    message: `band ${part.bands.join(", ")} was moved by ${-dx}, ${-dy} px onto the pixels of ${first.bands.join(", ")}, as the headers' coordinates say`,
  });
  return shiftPlane(plane, widthPx, heightPx, dx, dy);
}

function scaled(plane: Float32Array, from: string, to: string, part: Part, notes: Note[]): Float32Array {
  const factor = unitFactor(from, to);
  if (factor === 1) return plane;
  if (factor !== null) return plane.map((value) => value * factor);
  notes.push({
    code: "UNIT_DIFFERS",
    message: `band ${part.bands.join(", ")} is in ${from}, the survey in ${to}; its values are kept as they are`,
  });
  return plane;
}

function checkSums(source: FitsSource, notes: Note[]): void {
  for (const hdu of source.wrongSums())
    notes.push({
      code: "CHECKSUM_WRONG",
      message: `CHECKSUM or DATASUM of HDU ${hdu} is not that of its bytes: the file was damaged or changed after it was written`,
    });
}
