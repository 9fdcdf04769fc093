/** Where the galaxy is: the adaptive crop of the paper's published code, and the resize that follows it. */

/** A square part of an image; may stick out over its edges. */
export interface Box {
  x0: number;
  y0: number;
  sizePx: number;
}

/** The largest centred square. */
export function centralSquare(widthPx: number, heightPx: number): Box {
  const sizePx = Math.min(widthPx, heightPx);
  return { x0: Math.floor((widthPx - sizePx) / 2), y0: Math.floor((heightPx - sizePx) / 2), sizePx };
}

/** Pixels added around the galaxy, as in the published code. */
const MARGIN_PX = 10;

/** The grey level of 0..255 that best parts dark from bright: largest variance between the two classes (Otsu 1979). */
export function otsuThreshold(grey: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const value of grey) counts[value]++;
  let total = 0;
  for (let level = 0; level < 256; level++) total += level * counts[level];
  let [below, sumBelow, best, threshold] = [0, 0, -1, 0];
  for (let level = 0; level < 255; level++) {
    below += counts[level];
    sumBelow += level * counts[level];
    const above = grey.length - below;
    if (below === 0 || above === 0) continue;
    const between = below * above * (sumBelow / below - (total - sumBelow) / above) ** 2;
    if (between > best) [best, threshold] = [between, level];
  }
  return threshold;
}

/**
 * The square around the central galaxy of a colour image [3, H, W] in [0, 1]: threshold of the grey image, the largest
 * bright region whose box covers the centre, half-size the largest offset of that box from the centre plus 10 px, no
 * larger than the image. Where no region covers the centre the largest centred square.
 */
export function adaptiveCrop(rgb: Float32Array, widthPx: number, heightPx: number): Box {
  const [W, H, N] = [widthPx, heightPx, widthPx * heightPx];
  const grey = new Uint8Array(N);
  for (let p = 0; p < N; p++)
    grey[p] = Math.round(255 * Math.min(1, Math.max(0, 0.299 * rgb[p] + 0.587 * rgb[N + p] + 0.114 * rgb[2 * N + p])));
  const threshold = otsuThreshold(grey);
  const [centreX, centreY] = [(W - 1) / 2, (H - 1) / 2];
  const seen = new Uint8Array(N);
  const queue = new Int32Array(N);
  let [reach, bestArea] = [Math.min(W, H) / 2, 0];
  for (let start = 0; start < N; start++) {
    if (seen[start] || grey[start] <= threshold) continue;
    let [left, right, top, bottom, area] = [W, 0, H, 0, 0];
    queue[0] = start;
    seen[start] = 1;
    for (let length = 1; area < length; ) {
      const p = queue[area++];
      const [x, y] = [p % W, Math.floor(p / W)];
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(H - 1, y + 1); ny++)
        for (let nx = Math.max(0, x - 1); nx <= Math.min(W - 1, x + 1); nx++) {
          const q = ny * W + nx;
          if (seen[q] || grey[q] <= threshold) continue;
          seen[q] = 1;
          queue[length++] = q;
        }
    }
    const coversCentre = left <= centreX && right >= centreX && top <= centreY && bottom >= centreY;
    if (coversCentre && area > bestArea) {
      bestArea = area;
      reach = Math.min(
        Math.min(W, H) / 2,
        MARGIN_PX + Math.max(centreX - left, right - centreX, centreY - top, bottom - centreY),
      );
    }
  }
  const side = Math.max(2, Math.ceil(2 * reach));
  // Of the image's own parity, so that the crop has the image's centre.
  const sizePx = Math.min(W, H, side + ((Math.min(W, H) - side) % 2));
  return { x0: Math.round((W - sizePx) / 2), y0: Math.round((H - sizePx) / 2), sizePx };
}

/**
 * For each output pixel the input pixels it covers and their weights: area average when shrinking, linear interpolation
 * when growing.
 */
function weights(
  from: number,
  inputs: number,
  outputs: number,
  limit: number,
): { index: Int32Array; weight: Float32Array; taps: number } {
  const step = inputs / outputs;
  const radius = Math.max(1, step);
  const taps = Math.ceil(radius * 2) + 1;
  const index = new Int32Array(outputs * taps);
  const weight = new Float32Array(outputs * taps);
  for (let o = 0; o < outputs; o++) {
    const centre = from + (o + 0.5) * step - 0.5;
    const first = Math.floor(centre - radius) + 1;
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const at = first + t;
      const w = Math.max(0, 1 - Math.abs(at - centre) / radius);
      index[o * taps + t] = Math.min(limit - 1, Math.max(0, at));
      weight[o * taps + t] = w;
      sum += w;
    }
    for (let t = 0; t < taps; t++) weight[o * taps + t] /= sum;
  }
  return { index, weight, taps };
}

/**
 * A square box of planes [bands, H, W] resized to [bands, out, out] with a triangle filter as wide as the shrinkage (no
 * aliasing); edges are repeated outside the image. Means are kept; NaN spreads to the outputs that cover it.
 */
export function resizeArea(
  planes: Float32Array,
  bands: number,
  widthPx: number,
  heightPx: number,
  box: Box,
  outPx: number,
): Float32Array {
  const horizontal = weights(box.x0, box.sizePx, outPx, widthPx);
  const vertical = weights(box.y0, box.sizePx, outPx, heightPx);
  const out = new Float32Array(bands * outPx * outPx);
  const rows = new Float32Array(heightPx * outPx);
  for (let band = 0; band < bands; band++) {
    const plane = planes.subarray(band * widthPx * heightPx, (band + 1) * widthPx * heightPx);
    for (let y = Math.max(0, vertical.index[0]); y <= vertical.index[vertical.index.length - 1]; y++)
      for (let x = 0; x < outPx; x++) {
        let sum = 0;
        for (let t = 0; t < horizontal.taps; t++) {
          const w = horizontal.weight[x * horizontal.taps + t];
          if (w !== 0) sum += w * plane[y * widthPx + horizontal.index[x * horizontal.taps + t]];
        }
        rows[y * outPx + x] = sum;
      }
    for (let y = 0; y < outPx; y++)
      for (let x = 0; x < outPx; x++) {
        let sum = 0;
        for (let t = 0; t < vertical.taps; t++) {
          const w = vertical.weight[y * vertical.taps + t];
          if (w !== 0) sum += w * rows[vertical.index[y * vertical.taps + t] * outPx + x];
        }
        out[(band * outPx + y) * outPx + x] = sum;
      }
  }
  return out;
}
