/** How a stamp lies in its frame: magnified `scale` times around the point (x, y), in shares of the frame. */
export interface Zoom {
  scale: number;
  x: number;
  y: number;
}

/** No magnification: the whole stamp. */
export const NO_ZOOM: Zoom = { scale: 1, x: 0.5, y: 0.5 };
const inside = (share: number) => Math.min(1, Math.max(0, share));

/** Magnified further, with what lies under the point (x, y) staying there. */
export function scaled({ scale, x, y }: Zoom, factor: number, px: number, py: number): Zoom {
  const next = Math.min(16, Math.max(1, scale * factor));
  if (next === 1) return NO_ZOOM;
  const origin = (old: number, point: number) =>
    inside((old * (1 - 1 / scale) + point * (1 / scale - 1 / next)) / (1 - 1 / next));
  return { scale: next, x: origin(x, px), y: origin(y, py) };
}

/** Moved by shares of the frame: the picture follows the pointer. */
export function moved({ scale, x, y }: Zoom, dx: number, dy: number): Zoom {
  return scale === 1 ? NO_ZOOM : { scale, x: inside(x - dx / (scale - 1)), y: inside(y - dy / (scale - 1)) };
}

/** The share of the picture that lies at a share of the frame, on one axis with its origin. */
export const pictureShare = (frame: number, origin: number, scale: number): number => origin + (frame - origin) / scale;

/** A length of 1, 2 or 5 times a power of ten that is about a quarter of the width. */
export function niceLength(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width / 4));
  return [5, 2, 1].map((step) => step * power).find((length) => length <= width / 3) ?? power;
}
