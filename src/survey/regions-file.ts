/** DS9 regions: boxes on the sky, or on the image where it has no coordinates. */
import type { BoxPx, MaskPx } from "../contract/detection.ts";
import { maskOutline } from "./outline.ts";
import type { Wcs } from "./wcs.ts";

/** A box in 0-based pixels, what is written beside it, and the object's mask where its outline is to stand in the box's place. */
export interface NamedBox extends BoxPx {
  text: string;
  mask?: MaskPx;
}

/** A box on the sky: middle (ICRS), sides in arcsec, turn: how far the image's rows stand clockwise of north, degrees. */
export interface SkyBox {
  raDeg: number;
  decDeg: number;
  widthArcsec: number;
  heightArcsec: number;
  angleDeg: number;
}

const DEG = Math.PI / 180;

/** A box of an image on the sky by its coordinates at the middle; null where they show none. */
export function skyBoxOf({ x1, y1, x2, y2 }: BoxPx, wcs: Wcs): SkyBox | null {
  const [x, y] = [(x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2];
  const centre = wcs.pixelToSky(x, y);
  const [left, right] = [wcs.pixelToSky(x - 0.5, y), wcs.pixelToSky(x + 0.5, y)];
  const [down, up] = [wcs.pixelToSky(x, y - 0.5), wcs.pixelToSky(x, y + 0.5)];
  if (centre === null || right === null || left === null || up === null || down === null) return null;
  const distance = (from: { raDeg: number; decDeg: number }, to: { raDeg: number; decDeg: number }) => {
    const east = (((to.raDeg - from.raDeg + 540) % 360) - 180) * Math.cos(centre.decDeg * DEG);
    return Math.hypot(east, to.decDeg - from.decDeg) * 3600;
  };
  // A step towards the other pole where there is no north.
  const step = (centre.decDeg > 89.9 ? -1 : 1) * (wcs.pixelScaleArcsec / 3600);
  const north = wcs.skyToPixel(centre.raDeg, centre.decDeg + step);
  if (north === null) return null;
  const sign = Math.sign(step);
  const northDeg = Math.atan2(sign * (north.y - y), sign * (north.x - x)) / DEG;
  return {
    raDeg: centre.raDeg,
    decDeg: centre.decDeg,
    widthArcsec: (x2 - x1) * distance(left, right),
    heightArcsec: (y2 - y1) * distance(down, up),
    angleDeg: (90 - northDeg + 360) % 360,
  };
}

/**
 * The text of a region file: boxes, or polygons around the parts of a mask (holes are not cut out). On the sky in ICRS, which DS9,
 * astropy's regions, CARTA and Aladin read; what the coordinates do not show, and all where there are none, in DS9's image
 * coordinates, which count pixels from 1.
 */
export function regionsText(regions: NamedBox[], wcs: Wcs | null): string {
  const lines = [
    "# Region file format: DS9 version 4.1",
    'global color=green width=1 font="helvetica 10 normal roman"',
  ];
  let frame = "";
  for (const region of regions) {
    const { frame: wanted, shapes } = shapesOf(region, wcs);
    if (wanted !== frame) lines.push(wanted);
    frame = wanted;
    for (const shape of shapes) lines.push(`${shape} # text={${region.text.replace(/[{}]/g, "")}}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The shapes of one region, and the coordinates that they are in. */
function shapesOf(region: NamedBox, wcs: Wcs | null): { frame: "image" | "icrs"; shapes: string[] } {
  const outer = region.mask === undefined ? [] : maskOutline(region.mask).filter((line) => areaOf(line) > 0);
  if (outer.length === 0) {
    const sky = wcs === null ? null : skyBoxOf(region, wcs);
    return sky === null ? { frame: "image", shapes: [imageBox(region)] } : { frame: "icrs", shapes: [skyBox(sky)] };
  }
  const polygon = (corners: string[]) => `polygon(${corners.join(",")})`;
  const corners = (line: number[]) => Array.from({ length: line.length / 2 }, (_, i) => [line[2 * i], line[2 * i + 1]]);
  const onSky = outer.map((line) => corners(line).map(([x, y]) => wcs?.pixelToSky(x - 0.5, y - 0.5) ?? null));
  if (onSky.every((line) => line.every((place) => place !== null)))
    return {
      frame: "icrs",
      shapes: onSky.map((line) => polygon(line.map((at) => `${at?.raDeg.toFixed(8)},${at?.decDeg.toFixed(8)}`))),
    };
  return {
    frame: "image",
    shapes: outer.map((line) => polygon(corners(line).map(([x, y]) => `${x + 0.5},${y + 0.5}`))),
  };
}

/** Twice the area of a closed line; negative of one around a hole. */
function areaOf(line: number[]): number {
  const n = line.length;
  let sum = 0;
  for (let i = 0; i < n; i += 2) sum += line[i] * line[(i + 3) % n] - line[(i + 2) % n] * line[i + 1];
  return sum;
}

const skyBox = ({ raDeg, decDeg, widthArcsec, heightArcsec, angleDeg }: SkyBox) =>
  `box(${raDeg.toFixed(8)},${decDeg.toFixed(8)},${widthArcsec.toFixed(4)}",${heightArcsec.toFixed(4)}",${angleDeg.toFixed(4)})`;

const imageBox = ({ x1, y1, x2, y2 }: BoxPx) =>
  `box(${((x1 + x2 + 1) / 2).toFixed(3)},${((y1 + y2 + 1) / 2).toFixed(3)},${(x2 - x1).toFixed(3)},${(y2 - y1).toFixed(3)},0)`;
