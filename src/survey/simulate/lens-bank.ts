/** Lenses alone, to be added to images in flux as often as one likes. */
import type { Truth } from "../../contract/detection.ts";
import type { Scene } from "./scene.ts";
import { inThreads } from "./threads.ts";

/** Light of a lens and the galaxy in front, [3, size, size] in nanomaggies (g, r, z) without noise, and the lens in it. */
export interface BankedLens {
  sizePx: number;
  pixels: Float32Array;
  truths: [Truth];
}

/** What is fainter than this everywhere, in nanomaggies a pixel, is cut off: a fifth of the sky's noise in g. */
const FAINTEST = 4e-4;

interface BankOptions {
  workers?: number;
  onLens?: (done: number) => void;
}

/** The bank that was drawn last: several trainings of one process share it. */
let last: { count: number; seed: number; bank: Promise<BankedLens[]> } | null = null;

/** `count` lenses of the hard population of `renderLens`, the same for the same seed whatever the number of workers. */
export function lensBank(count: number, seed: number, options: BankOptions = {}): Promise<readonly BankedLens[]> {
  if (last === null || last.count !== count || last.seed !== seed) {
    const bank = drawBank(count, seed, options);
    last = { count, seed, bank };
    bank.catch(() => {
      last = null;
    });
  }
  return last.bank;
}

async function drawBank(count: number, seed: number, options: BankOptions): Promise<BankedLens[]> {
  const bank: BankedLens[] = [];
  const data = { seed, sizePx: null, clearPx: null };
  const work = inThreads<Scene>(new URL("./scene-worker.ts", import.meta.url), data, count, options.workers);
  for await (const scene of work) {
    bank.push(trimmed(scene));
    options.onLens?.(bank.length);
  }
  return bank;
}

/** The middle of a scene as far out as there is light. */
function trimmed({ sizePx, planes, objects: [{ class: name, mask, ignore }] }: Scene): BankedLens {
  const middle = (sizePx - 1) / 2;
  let half = Math.max(
    ...[mask.x, mask.y].map((from) => middle - from),
    mask.x + mask.width - middle,
    mask.y + mask.height - middle,
  );
  for (let p = 0; p < planes.length; p++) {
    if (planes[p] <= FAINTEST) continue;
    const at = p % (sizePx * sizePx);
    half = Math.max(half, Math.abs((at % sizePx) - middle), Math.abs(Math.floor(at / sizePx) - middle));
  }
  const from = Math.max(0, Math.floor(middle - half));
  const size = sizePx - 2 * from;
  const pixels = new Float32Array(3 * size * size);
  for (let row = 0; row < 3 * size; row++) {
    const [band, y] = [Math.floor(row / size), row % size];
    const start = (band * sizePx + from + y) * sizePx + from;
    pixels.set(planes.subarray(start, start + size), row * size);
  }
  const [x, y] = [mask.x - from, mask.y - from];
  const box = { x1: x, y1: y, x2: x + mask.width, y2: y + mask.height };
  return { sizePx: size, pixels, truths: [{ ...box, class: name, mask: { ...mask, x, y }, ignore }] };
}
