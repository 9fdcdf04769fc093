/** Light of a kind of stars in a frame, and what dims it. */
import { type Colour, type Frame, PIXEL_SCALE_ARCSEC, type Placement } from "./frame.ts";
import { addComponent, type Fill, PixelGrid, radial } from "./plane.ts";
import { sersic } from "./profiles.ts";
import { tabulated } from "./tables.ts";

/** Pixels of so many arcseconds. */
export const px = (arcsec: number) => arcsec / PIXEL_SCALE_ARCSEC;
/** Radians of so many degrees. */
export const rad = (degrees: number) => (degrees * Math.PI) / 180;
/** A share of light. */
export const scaled = (colour: Colour, share: number): Colour => [
  colour[0] * share,
  colour[1] * share,
  colour[2] * share,
];
/** Of the colour of old stars. */
export const redder = ([g, r, z]: Colour): Colour => [g * 0.82, r, z * 1.12];
/** Of the colour of young stars, which replace a share of a disc's light. */
export const bluer = ([g, r, z]: Colour): Colour => [g * 1.22, r, z * 0.84];

/** The largest radius that a pixel of the frame can have in an object's own plane. */
export const reachOf = ({ sizePx }: Frame, { x, y, axisRatio }: Placement) =>
  (Math.hypot(Math.max(x, sizePx - x), Math.max(y, sizePx - y)) + 2) / axisRatio;

/** Dims what stands in the frame: transmission exp(-tau) in r, more in g, less in z (Calzetti-like slopes). */
export function absorb<P extends PixelGrid>({ sizePx: S, planes }: Frame, plane: P, depths: Fill<P["pixels"]>): void {
  const taus = new Float64Array(S * S);
  depths(plane.pixels, taus);
  for (let p = 0; p < S * S; p++) {
    const tau = taus[p];
    if (tau <= 0.001) continue;
    planes[p] *= Math.exp(-tau * 1.35);
    planes[S * S + p] *= Math.exp(-tau);
    planes[2 * S * S + p] *= Math.exp(-tau * 0.6);
  }
}

/** A spheroid: elliptical galaxy or bulge. */
export function drawSpheroid(frame: Frame, at: Placement, flux: Colour, n: number, radiusArcsec: number): void {
  const profile = tabulated(sersic(n, px(radiusArcsec) * Math.sqrt(at.axisRatio)), reachOf(frame, at));
  addComponent(frame, new PixelGrid(frame.sizePx, at), flux, radial(profile));
}
