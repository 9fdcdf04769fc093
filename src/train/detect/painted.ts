/** Lenses added in flux to crops, others in other places each time, so that a detector never sees one of them twice alike. */
import { SkyloopError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { type Crop, drawOrientation, orientCrop } from "../../batches/field-crops.ts";
import type { Truth } from "../../contract/detection.ts";
import { paintPicture } from "../../stamps/paint-lenses.ts";
import type { BankedLens } from "../../survey/simulate/lens-bank.ts";
import { addNoise } from "../../survey/simulate/noise.ts";
import { addLight } from "../../survey/simulate/objects.ts";
import { NO_SKY } from "../../survey/simulate/scene.ts";

/** The class of what is painted. */
const PAINTED_CLASS = "lens";
/** Shares of crops with no, one and two lenses more. */
const MORE = [0.4, 0.4, 0.2];
/** Lenses lie at least this far from each other, and not on what is brighter than this (from 0 to 1). */
const [APART_PX, DARK] = [20, 0.4];
const TRIES = 20;

/** Throws BAD_OPTION where lenses cannot be painted: other bands or units, or a detector of other things. */
export function checkPainting(count: number, classes: readonly string[], bands: readonly string[], unit: string): void {
  if (!Number.isInteger(count) || count < 1 || count > 20_000)
    throw new SkyloopError("BAD_OPTION", `--paint is a number of lenses from 1 to 20000, not ${count}`);
  if (!classes.includes(PAINTED_CLASS))
    throw new SkyloopError(
      "BAD_OPTION",
      `--paint adds objects of the class ${PAINTED_CLASS}, and the detector finds ${classes.join(", ")}; leave it out`,
    );
  const grz = bands.map((band) => band.toLowerCase()).join("") === "grz" && unit === "nanomaggy";
  if (!grz && bands.length > 0)
    throw new SkyloopError(
      "BAD_OPTION",
      `--paint adds light in g, r, z in nanomaggies, and the fields hold ${bands.join(", ")} in ${unit}; leave it out`,
    );
}

/** A crop with none, one or two lenses of the bank more, each turned and with the noise of its own photons. */
export function paintLenses(crop: Crop, bank: readonly BankedLens[], random: Random): Crop {
  const drawn = random.next();
  const count = drawn < MORE[0] ? 0 : drawn < MORE[0] + MORE[1] ? 1 : 2;
  if (count === 0) return crop;
  const { sizePx: S } = crop;
  const light = new Float32Array(3 * S * S);
  const truths = [...crop.truths];
  for (let i = 0; i < count; i++) {
    const lens = orientCrop(random.choice(bank), drawOrientation(random));
    const [truth] = lens.truths;
    const place = placeIn({ ...crop, truths }, truth, random);
    if (place === null) continue;
    addNoise(lens.pixels, lens.sizePx, NO_SKY, random);
    addLight(light, S, { ...place, size: lens.sizePx, planes: lens.pixels });
    truths.push(moved(truth, place.x0, place.y0));
  }
  return { sizePx: S, pixels: paintPicture(crop.pixels, light, S), truths };
}

/** Where the window of a lens may begin, so that the whole lens lies in the crop in a place of its own; null where none was found. */
function placeIn({ sizePx: S, pixels, truths }: Crop, lens: Truth, random: Random): { x0: number; y0: number } | null {
  const [width, height] = [lens.x2 - lens.x1, lens.y2 - lens.y1];
  if (width >= S || height >= S) return null;
  const middle = ({ x1, y1, x2, y2 }: Truth) => [(x1 + x2) / 2, (y1 + y2) / 2];
  for (let tries = 0; tries < TRIES; tries++) {
    const [left, top] = [random.int(S - width + 1), random.int(S - height + 1)];
    const [x, y] = [left + width / 2, top + height / 2];
    const p = Math.floor(y) * S + Math.floor(x);
    const bright = (pixels[p] + pixels[S * S + p] + pixels[2 * S * S + p]) / 3;
    const near = truths.some((other) => {
      const [u, v] = middle(other);
      return Math.hypot(u - x, v - y) < APART_PX;
    });
    if (bright <= DARK && !near) return { x0: left - lens.x1, y0: top - lens.y1 };
  }
  return null;
}

const moved = ({ mask, ...truth }: Truth, dx: number, dy: number): Truth => ({
  ...truth,
  x1: truth.x1 + dx,
  y1: truth.y1 + dy,
  x2: truth.x2 + dx,
  y2: truth.y2 + dy,
  ...(mask === undefined ? {} : { mask: { ...mask, x: mask.x + dx, y: mask.y + dy } }),
});
