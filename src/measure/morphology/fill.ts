/** A plane less its sky, with what does not count on it filled. */
import type { Aperture } from "./ellipse.ts";
import { reused } from "./scratch.ts";

const countedMemory = reused((n) => new Float32Array(n));
const filledMemory = reused((n) => new Float32Array(n));

/** A plane less its sky; NaN for what has no value or belongs to another source. */
export function countedOf(plane: Float32Array, sky: number, labels: Int32Array, label: number): Float32Array {
  const out = countedMemory(plane.length);
  for (let p = 0; p < out.length; p++) {
    const value = plane[p];
    const of = labels[p];
    // Infinite or NaN less itself is NaN.
    out[p] = value - value === 0 && (of === 0 || of === label) ? value - sky : Number.NaN;
  }
  return out;
}

/** How pixels that do not count are filled: as their counterparts under half a turn (as photutils' "correct"), else 0. */
export interface Filling {
  /** The plane of the shape's band that says, by NaN, which pixels do not count. */
  counted: Float32Array;
  W: number;
  H: number;
  /** Twice the centre of the source, in whole pixels. */
  twiceX: number;
  twiceY: number;
}

/** A plane less its sky at a pixel that does not count. */
function fillAt({ counted, W, H, twiceX, twiceY }: Filling, plane: Float32Array, sky: number, p: number): number {
  const y = Math.floor(p / W);
  const turned = twiceX - (p - y * W);
  const opposite = twiceY - y;
  if (turned < 0 || opposite < 0 || turned >= W || opposite >= H) return 0;
  const q = opposite * W + turned;
  const value = plane[q];
  return Number.isNaN(counted[q]) || value - value !== 0 ? 0 : Math.fround(value - sky);
}

/** A whole plane less its sky, filled. */
export function filledOf(filling: Filling, plane: Float32Array, sky: number): Float32Array {
  const { counted } = filling;
  const out = filledMemory(plane.length);
  for (let p = 0; p < out.length; p++) {
    const value = counted[p];
    out[p] = Number.isNaN(value) ? fillAt(filling, plane, sky, p) : value;
  }
  return out;
}

/** The light of a plane in an aperture, less its sky, filled. */
export function lightIn(filling: Filling, plane: Float32Array, sky: number, { pixels, shares }: Aperture): number {
  const { counted } = filling;
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) {
    const p = pixels[i];
    const value = plane[p];
    const counts = !Number.isNaN(counted[p]) && value - value === 0;
    sum += shares[i] * (counts ? Math.fround(value - sky) : fillAt(filling, plane, sky, p));
  }
  return sum;
}
