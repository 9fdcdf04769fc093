import type { Pixels } from "../../client/api.ts";

/** The centre of a stamp on the sky (ICRS degrees) and its scale: north is taken to be up and east left. */
export interface SkyFrame {
  position: { ra: number; dec: number } | null;
  pixelScaleArcsec: number | null;
}

/** Values, place and position of the pixel at shares of the picture from its upper left corner; "" outside. */
export function readPixel(pixels: Pixels, sky: SkyFrame, shareX: number, shareY: number): string {
  const { widthPx: W, heightPx: H, data, bands, kind, unit } = pixels;
  const [x, fromTop] = [Math.floor(shareX * W), Math.floor(shareY * H)];
  const y = kind === "flux" ? H - 1 - fromTop : fromTop;
  if (x < 0 || y < 0 || x >= W || y >= H) return "";
  const values = bands.map((band, b) => `${band} ${data[(b * H + y) * W + x].toPrecision(4)}`);
  return `x ${x}, y ${y}: ${values.join("  ")}${kind === "flux" ? ` ${unit}` : ""}${skyAt(pixels, sky, x, fromTop)}`;
}

function skyAt({ widthPx, heightPx }: Pixels, { position, pixelScaleArcsec }: SkyFrame, x: number, fromTop: number) {
  if (position === null || pixelScaleArcsec === null) return "";
  const east = ((widthPx / 2 - x - 0.5) * pixelScaleArcsec) / 3600;
  const north = ((heightPx / 2 - fromTop - 0.5) * pixelScaleArcsec) / 3600;
  const ra = (position.ra + east / Math.cos((position.dec * Math.PI) / 180) + 360) % 360;
  return `  RA ${ra.toFixed(5)}° Dec ${(position.dec + north).toFixed(5)}°`;
}
