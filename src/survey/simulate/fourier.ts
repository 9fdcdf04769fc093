/**
 * Convolution of square planes by even kernels through the discrete Fourier transform (Cooley & Tukey 1965, sorted as by
 * Stockham); lengths are 2^a 3^b.
 */

/** A kernel [size, size], size odd, that is the same when it is mirrored or transposed. */
export interface Kernel {
  size: number;
  values: Float32Array;
}

/** A complex map [P, P]. */
interface Complex {
  re: Float64Array;
  im: Float64Array;
}

/** What transforms of one length need. */
interface Plan {
  side: number;
  radices: number[];
  cos: Float64Array;
  sin: Float64Array;
  work: [Complex, Complex];
}

const newMap = (P: number): Complex => ({ re: new Float64Array(P * P), im: new Float64Array(P * P) });

const plans = new Map<number, Plan>();

/** The plan for the smallest 2^a 3^b of at least `least`. */
function planFor(least: number): Plan {
  let side = least;
  let radices = radicesOf(side);
  while (radices === null) radices = radicesOf(++side);
  let plan = plans.get(side);
  if (plan === undefined) {
    const angles = Array.from({ length: side }, (_, k) => (2 * Math.PI * k) / side);
    const [cos, sin] = [Float64Array.from(angles, Math.cos), Float64Array.from(angles, (angle) => -Math.sin(angle))];
    plan = { side, radices, cos, sin, work: [newMap(side), newMap(side)] };
    plans.set(side, plan);
  }
  return plan;
}

function radicesOf(length: number): number[] | null {
  const radices: number[] = [];
  for (const radix of [4, 2, 3]) for (; length % radix === 0; length /= radix) radices.push(radix);
  return length === 1 ? radices : null;
}

/**
 * Sums and differences of `radix` rows, columns `first` to before `last`: input rows `apart` apart, output rows `step`
 * apart.
 */
interface Rows {
  first: number;
  last: number;
  source: number;
  apart: number;
  target: number;
  step: number;
  turn: number;
}

function two(
  { cos, sin }: Plan,
  from: Complex,
  to: Complex,
  { first, last, source, apart, target, step, turn }: Rows,
): void {
  const { re, im } = from;
  const { re: outRe, im: outIm } = to;
  const c = cos[turn];
  const s = sin[turn];
  for (let x = first; x < last; x++) {
    const a = source + x;
    const b = a + apart;
    const dr = re[a] - re[b];
    const di = im[a] - im[b];
    const y = target + x;
    outRe[y] = re[a] + re[b];
    outIm[y] = im[a] + im[b];
    outRe[y + step] = dr * c - di * s;
    outIm[y + step] = dr * s + di * c;
  }
}

function three({ side: P, cos, sin }: Plan, from: Complex, to: Complex, rows: Rows): void {
  const { first, last, source, apart, target, step, turn } = rows;
  const { re, im } = from;
  const { re: outRe, im: outIm } = to;
  const h = Math.sqrt(3) / 2;
  const [c1, s1, c2, s2] = [cos[turn], sin[turn], cos[(2 * turn) % P], sin[(2 * turn) % P]];
  for (let x = first; x < last; x++) {
    const a = source + x;
    const b = a + apart;
    const c = b + apart;
    const sr = re[b] + re[c];
    const si = im[b] + im[c];
    const mr = re[a] - sr / 2;
    const mi = im[a] - si / 2;
    const dr = h * (im[b] - im[c]);
    const di = h * (re[c] - re[b]);
    const y = target + x;
    outRe[y] = re[a] + sr;
    outIm[y] = im[a] + si;
    outRe[y + step] = (mr + dr) * c1 - (mi + di) * s1;
    outIm[y + step] = (mr + dr) * s1 + (mi + di) * c1;
    outRe[y + 2 * step] = (mr - dr) * c2 - (mi - di) * s2;
    outIm[y + 2 * step] = (mr - dr) * s2 + (mi - di) * c2;
  }
}

function four({ side: P, cos, sin }: Plan, from: Complex, to: Complex, rows: Rows): void {
  const { first, last, source, apart, target, step, turn } = rows;
  const { re, im } = from;
  const { re: outRe, im: outIm } = to;
  const [c1, s1, c2, s2] = [cos[turn], sin[turn], cos[(2 * turn) % P], sin[(2 * turn) % P]];
  const [c3, s3] = [cos[(3 * turn) % P], sin[(3 * turn) % P]];
  for (let x = first; x < last; x++) {
    const a = source + x;
    const b = a + apart;
    const c = b + apart;
    const d = c + apart;
    const pr = re[a] + re[c];
    const pi = im[a] + im[c];
    const qr = re[a] - re[c];
    const qi = im[a] - im[c];
    const tr = re[b] + re[d];
    const ti = im[b] + im[d];
    const wr = im[b] - im[d];
    const wi = re[d] - re[b];
    const y = target + x;
    outRe[y] = pr + tr;
    outIm[y] = pi + ti;
    outRe[y + step] = (qr + wr) * c1 - (qi + wi) * s1;
    outIm[y + step] = (qr + wr) * s1 + (qi + wi) * c1;
    outRe[y + 2 * step] = (pr - tr) * c2 - (pi - ti) * s2;
    outIm[y + 2 * step] = (pr - tr) * s2 + (pi - ti) * c2;
    outRe[y + 3 * step] = (qr - wr) * c3 - (qi - wi) * s3;
    outIm[y + 3 * step] = (qr - wr) * s3 + (qi - wi) * c3;
  }
}

const BUTTERFLIES: Record<number, typeof two> = { 2: two, 3: three, 4: four };

/** As many columns at a time as stay in the processor's second cache through all steps. */
const BLOCK = 48;

/**
 * Transforms the first `columns` columns over the first axis. Returns the map that holds the result, and the other.
 */
function alongRows(plan: Plan, map: Complex, spare: Complex, columns: number): [Complex, Complex] {
  const P = plan.side;
  let [from, to] = [map, spare];
  for (let first = 0; first < columns; first += BLOCK) {
    const last = Math.min(columns, first + BLOCK);
    let [length, stride] = [P, 1];
    [from, to] = [map, spare];
    for (const radix of plan.radices) {
      const part = length / radix;
      const butterfly = BUTTERFLIES[radix];
      const apart = part * stride * P;
      const step = stride * P;
      for (let k = 0; k < part; k++)
        for (let s = 0; s < stride; s++) {
          const [source, target] = [(k * stride + s) * P, (k * radix * stride + s) * P];
          butterfly(plan, from, to, { first, last, source, apart, target, step, turn: k * stride });
        }
      length = part;
      stride *= radix;
      [from, to] = [to, from];
    }
  }
  return [from, to];
}

function transposeInto(from: Complex, into: Complex, P: number): void {
  const TILE = 12;
  for (let top = 0; top < P; top += TILE)
    for (let left = 0; left < P; left += TILE) {
      const [bottom, right] = [Math.min(P, top + TILE), Math.min(P, left + TILE)];
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++) {
          into.re[x * P + y] = from.re[y * P + x];
          into.im[x * P + y] = from.im[y * P + x];
        }
    }
}

/**
 * The transform over both axes, transposed, of a map with nothing beyond its first `filled` columns; of the result the
 * first `wanted` columns.
 */
function transform(plan: Plan, map: Complex, spare: Complex, filled: number, wanted: number): [Complex, Complex] {
  const [rows, free] = alongRows(plan, map, spare, filled);
  if (filled < plan.side)
    for (let y = 0; y < plan.side; y++)
      for (const part of [rows.re, rows.im]) part.fill(0, y * plan.side + filled, (y + 1) * plan.side);
  transposeInto(rows, free, plan.side);
  return alongRows(plan, free, rows, wanted);
}

/** The transform of a kernel whose middle stands at (0, 0): real, and even along both axes [P, P]. */
function spectrumOf({ side: P, cos }: Plan, { size, values }: Kernel): Float64Array {
  const half = (size - 1) / 2;
  const quarter = Math.floor(P / 2) + 1;
  const waves = new Float64Array((half + 1) * quarter);
  for (let y = 0; y <= half; y++) for (let u = 0; u < quarter; u++) waves[y * quarter + u] = 2 * cos[(y * u) % P];
  // Mirrored rows and columns count twice.
  const along = new Float64Array((half + 1) * quarter);
  for (let y = 0; y <= half; y++)
    for (let v = 0; v < quarter; v++) {
      let sum = values[(half + y) * size + half];
      for (let x = 1; x <= half; x++) sum += values[(half + y) * size + half + x] * waves[x * quarter + v];
      along[y * quarter + v] = sum;
    }
  const spectrum = new Float64Array(P * P);
  for (let u = 0; u < quarter; u++)
    for (let v = 0; v < quarter; v++) {
      let sum = along[v];
      for (let y = 1; y <= half; y++) sum += along[y * quarter + v] * waves[y * quarter + u];
      const [mirroredU, mirroredV] = [(P - u) % P, (P - v) % P];
      spectrum[u * P + v] = sum;
      spectrum[u * P + mirroredV] = sum;
      spectrum[mirroredU * P + v] = sum;
      spectrum[mirroredU * P + mirroredV] = sum;
    }
  return spectrum;
}

/**
 * Convolves two real planes [S, S] by a kernel each, as one complex map; light that leaves a plane is lost. The second
 * may be left out.
 */
function convolvePair(plan: Plan, S: number, planes: Float32Array[], kernels: Kernel[], into: Float32Array[]): void {
  const P = plan.side;
  let [map, spare] = plan.work;
  map.re.fill(0);
  map.im.fill(0);
  for (const [n, plane] of planes.entries()) {
    const part = n === 0 ? map.re : map.im;
    for (let y = 0; y < S; y++) part.set(plane.subarray(y * S, (y + 1) * S), y * P);
  }
  [map, spare] = transform(plan, map, spare, S, P);
  const first = spectrumOf(plan, kernels[0]);
  const second = kernels.length > 1 ? spectrumOf(plan, kernels[1]) : first;
  // Each plane's share of the map's transform follows from it and its mirror image; into `spare`, real and imaginary
  // parts exchanged, so that one more transform is the inverse.
  const scale = 1 / (2 * P * P);
  for (let u = 0; u < P; u++)
    for (let v = 0; v < P; v++) {
      const here = u * P + v;
      const mirror = ((P - u) % P) * P + ((P - v) % P);
      const sum = (first[here] + second[here]) * scale;
      const rest = (first[here] - second[here]) * scale;
      spare.im[here] = map.re[here] * sum + map.re[mirror] * rest;
      spare.re[here] = map.im[here] * sum - map.im[mirror] * rest;
    }
  [map, spare] = transform(plan, spare, map, P, S);
  for (const [n, plane] of into.entries()) {
    const part = n === 0 ? map.im : map.re;
    for (let y = 0; y < S; y++) plane.set(part.subarray(y * P, y * P + S), y * S);
  }
}

/** Convolves planes [n, S, S] by a kernel each; light that leaves them is lost. */
export function convolve(planes: Float32Array, S: number, kernels: Kernel[]): Float32Array {
  const plan = planFor(S + Math.max(...kernels.map(({ size }) => (size - 1) / 2)));
  const out = new Float32Array(planes.length);
  const planeOf = (of: Float32Array) => (n: number) => of.subarray(n * S * S, (n + 1) * S * S);
  for (let n = 0; n < kernels.length; n += 2) {
    const pair = n + 1 < kernels.length ? [n, n + 1] : [n];
    convolvePair(
      plan,
      S,
      pair.map(planeOf(planes)),
      pair.map((k) => kernels[k]),
      pair.map(planeOf(out)),
    );
  }
  return out;
}
