/** A folder of tiles: wide images of one survey, each with coordinates of its own, a file a band or several in one. */
import { join } from "node:path";
import { codeOf, messageOf, SkyloopError } from "../../base/errors.ts";
import { inOrder } from "../../base/in-order.ts";
import type { Problem } from "../../contract/survey.ts";
import { imageKey, planeOfFileName, sortBands } from "../../survey/bands.ts";
import { decode, decodeWidth } from "../../survey/decode/index.ts";
import { chooseImages } from "../../survey/decode/planes.ts";
import { listFiles, sortFiles } from "../../survey/files.ts";
import type { FitsGroup } from "../../survey/fits-groups.ts";
import { stemOf } from "../../survey/labels.ts";
import { unitOfHeaders } from "../../survey/units.ts";
import { parseWcs, type Wcs } from "../../survey/wcs.ts";

/** Where the pixels of one band, weight map or mask lie: path, HDU, and number in it. */
export interface TilePlane {
  path: string;
  hdu: number;
  plane: number;
  /** Planes of the HDU. */
  planes: number;
  /** How the file is packed: not, by tiles that can be read in parts, or whole. */
  packed: "not" | "tiles" | "whole";
}

/** One band of a tile, and the planes that say where it was not measured. */
export interface TileBand extends TilePlane {
  wcs: Wcs;
  unit: string;
  /** Inverse variances or weights: 0 where nothing was measured. */
  weight: TilePlane | null;
  /** Bits that name faults. */
  mask: TilePlane | null;
}

/** A wide image in some bands. */
export interface SkyTile {
  name: string;
  widthPx: number;
  heightPx: number;
  /** Of the first band. */
  wcs: Wcs;
  /** In the order that was asked for. */
  bands: TileBand[];
  /** A circle around it. */
  centre: { raDeg: number; decDeg: number };
  radiusDeg: number;
}

/** What is read of a folder of tiles. */
export interface SkyTileOptions {
  bands?: string[];
  weights: boolean;
  masks: boolean;
}

/** Pixels of so nearly the same size are taken as they are: projections differ by as much over a survey. */
const SAME_SCALE = 0.01;

type Named = Omit<SkyTile, "bands"> & { bands: Map<string, TileBand> };

/**
 * Opens the tiles below a folder: their headers only. What cannot be used is a problem. Throws NO_TILES where nothing
 * can.
 */
export async function openTiles(
  folder: string,
  options: SkyTileOptions,
): Promise<{ tiles: SkyTile[]; bands: string[]; problems: Problem[] }> {
  const listed = listFiles(folder);
  const found = sortFiles(listed);
  const problems = found.problems.filter(({ code }) => code !== "PLANE_LEFT_OUT" && code !== "NOT_AN_IMAGE");
  const beside = planesBeside(folder, listed.files);
  const named: Named[] = [];
  for await (const [group, tile] of inOrder(found.fits, decodeWidth(), (group) =>
    openTile(folder, group, options, beside).catch((error: unknown) => error as Error),
  )) {
    if (!(tile instanceof Error)) named.push(tile);
    else
      problems.push({
        source: group.files[0].file,
        code: codeOf(tile) ?? "FITS_UNREADABLE",
        message: messageOf(tile).split("\n")[0],
        kept: false,
      });
  }
  const bands = options.bands ?? commonBands(named);
  const tiles = named.flatMap(({ bands: own, ...tile }): SkyTile[] => {
    const missing = bands.filter((band) => !own.has(band));
    if (missing.length === 0) return [{ ...tile, bands: bands.map((band) => own.get(band) as TileBand) }];
    const message = `has no band ${missing.join(", ")} (it has ${[...own.keys()].join(", ")}); nothing is cut from it`;
    problems.push({ source: tile.name, code: "BAND_MISSING", message, kept: false });
    return [];
  });
  if (tiles.length === 0)
    throw new SkyloopError(
      "NO_TILES",
      `${folder} holds no FITS images with coordinates in the bands ${bands.join(", ") || "that are wanted"}${problems.length === 0 ? "" : ` (${problems[0].source}: ${problems[0].message})`}; check --tiles and --bands`,
    );
  return { tiles: ofOneScale(tiles, problems), bands, problems };
}

/** Bands that most tiles have, by wavelength. */
function commonBands(tiles: Named[]): string[] {
  const counts = new Map<string, number>();
  for (const { bands } of tiles) for (const band of bands.keys()) counts.set(band, (counts.get(band) ?? 0) + 1);
  return sortBands([...counts].filter(([, count]) => count > tiles.length / 2).map(([band]) => band));
}

/** The tiles whose pixels have, in every band, the size that those of most tiles have; each other one is a problem. */
function ofOneScale(tiles: SkyTile[], problems: Problem[]): SkyTile[] {
  const scaleOf = ({ wcs }: { wcs: Wcs }) => wcs.pixelScaleArcsec;
  const isNear = (one: number, other: number) => Math.abs(one / other - 1) <= SAME_SCALE;
  const scales = [...new Set(tiles.map((tile) => Number(scaleOf(tile).toPrecision(5))))];
  const counts = scales.map((scale) => tiles.filter((tile) => isNear(scaleOf(tile), scale)).length);
  const common = scales[counts.indexOf(Math.max(...counts))];
  return tiles.filter((tile) => {
    const other = [tile, ...tile.bands].find((one) => !isNear(scaleOf(one), common));
    if (other === undefined) return true;
    const message = `has ${scaleOf(other).toFixed(4)} arcsec/px, most tiles ${common.toFixed(4)}; nothing is cut from it`;
    problems.push({ source: tile.name, code: "SCALE_DIFFERS", message, kept: false });
    return false;
  });
}

/** Files that are weight maps and masks by their names, by what they belong to. */
function planesBeside(folder: string, files: string[]): (kind: "weight" | "mask", stem: string) => string | null {
  const paths = new Map<string, string>();
  for (const file of files) {
    const plane = planeOfFileName(stemOf(file));
    const kind = plane?.what === "a weight map" ? "weight" : plane?.what === "a quality plane" ? "mask" : null;
    if (plane !== null && kind !== null) paths.set(`${kind} ${plane.image}`, join(folder, file));
  }
  return (kind, stem) => paths.get(`${kind} ${imageKey(stem)}`) ?? null;
}

async function openTile(
  folder: string,
  { stem, files }: FitsGroup,
  { weights, masks }: SkyTileOptions,
  beside: ReturnType<typeof planesBeside>,
): Promise<Named> {
  const bands = new Map<string, TileBand>();
  let first: { widthPx: number; heightPx: number; wcs: Wcs } | null = null;
  for (const { file, band } of files) {
    const path = join(folder, file);
    const hdus = await decode("fitsHdus", [path], { path });
    for (const image of chooseImages(hdus, band).images) {
      const wcs = parseWcs(image.cards, hdus[0].cards);
      if (wcs === null)
        throw new SkyloopError("NO_COORDINATES", "has no coordinates, so that nothing can be found on it");
      first ??= { widthPx: image.widthPx, heightPx: image.heightPx, wcs };
      if (image.widthPx !== first.widthPx || image.heightPx !== first.heightPx)
        throw new SkyloopError(
          "WRONG_SHAPE",
          `its bands differ in size: ${first.widthPx}x${first.heightPx} and ${image.widthPx}x${image.heightPx}`,
        );
      const isPacked = image.cards.some(([key]) => key === "ZCMPTYPE");
      const packed = /\.(gz|bz2|Z)$/i.test(path) ? "whole" : isPacked ? "tiles" : "not";
      const own = sameGrid(wcs, first) ? first.wcs : wcs;
      const weight = weights ? await planeOf(beside("weight", stemOf(file)), "weight map", file) : null;
      const mask = masks ? await planeOf(beside("mask", stemOf(file)) ?? beside("mask", stem), "mask", file) : null;
      const unit = unitOfHeaders([image.cards, hdus[0].cards]);
      for (const [plane, name] of image.bands.entries())
        bands.set(name, { path, hdu: image.hdu, plane, planes: image.planes, packed, wcs: own, unit, weight, mask });
    }
  }
  if (first === null) throw new SkyloopError("NO_IMAGE", "holds no image of the sky");
  return { name: stem, ...first, bands, ...circleAround(first) };
}

/** Whether an image lies on the pixels of the tile's first, so that positions need be turned into pixels only once. */
function sameGrid(wcs: Wcs, first: { widthPx: number; heightPx: number; wcs: Wcs }): boolean {
  const corners = [
    [0, 0],
    [first.widthPx - 1, 0],
    [0, first.heightPx - 1],
    [first.widthPx - 1, first.heightPx - 1],
  ];
  return corners.every(([x, y]) => {
    const sky = first.wcs.pixelToSky(x, y);
    const there = sky === null ? null : wcs.skyToPixel(sky.raDeg, sky.decDeg);
    return there !== null && Math.hypot(there.x - x, there.y - y) < 1e-4;
  });
}

async function planeOf(path: string | null, what: string, file: string): Promise<TilePlane> {
  if (path === null)
    throw new SkyloopError(
      "PLANE_MISSING",
      `has no ${what} beside it (${file}); leave its option away, or add the file`,
    );
  const hdus = await decode("fitsHdus", [path], { path });
  const hdu = hdus.findIndex(({ type, shape }) => type === "image" && shape.length >= 2);
  if (hdu < 0) throw new SkyloopError("PLANE_MISSING", `its ${what} ${path} holds no image`);
  const isPacked = hdus[hdu].cards.some(([key]) => key === "ZCMPTYPE");
  return { path, hdu, plane: 0, planes: 1, packed: /\.(gz|bz2|Z)$/i.test(path) ? "whole" : isPacked ? "tiles" : "not" };
}

function circleAround({
  widthPx,
  heightPx,
  wcs,
}: {
  widthPx: number;
  heightPx: number;
  wcs: Wcs;
}): Pick<SkyTile, "centre" | "radiusDeg"> {
  const centre = wcs.pixelToSky((widthPx - 1) / 2, (heightPx - 1) / 2);
  if (centre === null) throw new SkyloopError("NO_COORDINATES", "its middle is no place on the sky");
  // A pixel more, and room for distortions.
  const radiusDeg = (1.05 * (Math.hypot(widthPx, heightPx) / 2 + 1) * wcs.pixelScaleArcsec) / 3600;
  return { centre, radiusDeg };
}
