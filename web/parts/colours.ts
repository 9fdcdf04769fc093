/** Colours of numbers and kinds, readable on dark and light ground. */

/** Stops of viridis (van der Walt & Smith 2015). */
const VIRIDIS = [0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725];
/** Okabe & Ito 2008, distinguishable with colour-blind eyes; then lighter and darker ones. */
export const KINDS = [
  0x56b4e9, 0xe69f00, 0x009e73, 0xcc79a7, 0xf0e442, 0xd55e00, 0x0072b2, 0x9ad0f5, 0xa6761d, 0x7fdbb6, 0xe7b3d1,
  0x999999,
];
/** The grey of objects without a value, 0xRRGGBB. */
const UNKNOWN = 0x6b7280;
/** Colours on the map of no label, positive, negative and unsure, 0xRRGGBB. */
export const LABEL_COLOURS = [0x6b7a99, 0x58d68d, 0xff8a80, 0xffd479];

/** Colour of a value in [0, 1]. */
export function ramp(value: number): number {
  // The ends are left out: they are lost on a dark and on a light ground.
  const place = (0.12 + 0.84 * Math.min(1, Math.max(0, value))) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(place));
  const share = place - low;
  const mix = (shift: number) =>
    Math.round(((VIRIDIS[low] >> shift) & 255) * (1 - share) + ((VIRIDIS[low + 1] >> shift) & 255) * share);
  return (mix(16) << 16) | (mix(8) << 8) | mix(0);
}

/** A colour 0xRRGGBB as CSS writes it. */
export const css = (rgb: number): string => `#${rgb.toString(16).padStart(6, "0")}`;

/** Numbers from their 1st to their 99th percentile along the ramp; NaN grey. */
export function colourNumbers(values: Float32Array): { of: Uint32Array; low: number; high: number } {
  const sorted = values.filter(Number.isFinite).sort();
  const low = sorted[Math.floor(0.01 * (sorted.length - 1))] ?? 0;
  const high = sorted[Math.ceil(0.99 * (sorted.length - 1))] ?? 1;
  return {
    of: Uint32Array.from(values, (value) => (Number.isNaN(value) ? UNKNOWN : ramp((value - low) / (high - low || 1)))),
    low,
    high,
  };
}

/** A colour for each number of a kind; NaN grey, and colours repeat where there are more kinds. */
export function colourKinds(values: Float32Array): Uint32Array {
  return Uint32Array.from(values, (value) => (Number.isNaN(value) ? UNKNOWN : KINDS[value % KINDS.length]));
}
