/** Masks as images: one segmentation map, or an HDU an object. */
import type { FitsCard } from "../survey/fits.ts";
import { type LabelImage, skyCards, writeLabelImages } from "../survey/label-map.ts";
import type { Found } from "./found.ts";
import type { WideImage } from "./wide-image.ts";

type Sized = Pick<WideImage, "widthPx" | "heightPx" | "cards" | "primary">;

/**
 * Writes a map of 32-bit labels with the image's coordinates, 0 where there is nothing; where masks overlap the higher score wins.
 */
export function writeSegmentation(path: string, image: Sized, found: Found[], labelOf: (one: Found) => number): void {
  const lowestFirst = [...found].sort((a, b) => a.score - b.score);
  const { widthPx: width, heightPx: height, cards, primary } = image;
  const map: LabelImage = {
    width,
    height,
    bits: 32,
    cards: skyCards(cards, primary),
    rows(first, last) {
      const values = new Int32Array((last - first) * width);
      for (const one of lowestFirst)
        paint(one, first, last, width, (p) => {
          values[p] = labelOf(one);
        });
      return values;
    },
  };
  writeLabelImages(path, [map]);
}

/** Writes each object's mask as an 8-bit HDU with `CLASS_ID`, as Astro R-CNN has them, after an empty primary one. */
export function writeMasks(path: string, image: Sized, found: Found[], classes: string[]): void {
  const { widthPx: width, heightPx: height, cards, primary } = image;
  const sky = skyCards(cards, primary);
  const empty: LabelImage = {
    width,
    height,
    bits: 8,
    cards: sky,
    rows: (first, last) => new Uint8Array((last - first) * width),
  };
  const masks = found.map((one): LabelImage => {
    const about: FitsCard[] = [
      ["CLASS_ID", String(classes.indexOf(one.class) + 1), one.class],
      ["SCORE", one.score.toFixed(6), ""],
    ];
    return {
      width,
      height,
      bits: 8,
      cards: [...about, ...sky],
      rows(first, last) {
        const values = new Uint8Array((last - first) * width);
        paint(one, first, last, width, (p) => {
          values[p] = 1;
        });
        return values;
      },
    };
  });
  writeLabelImages(path, [empty, ...masks]);
}

/** Calls `set` with the place in rows first..last of each pixel of an object's mask, or of its box. */
function paint(
  { mask, x1, y1, x2, y2 }: Found,
  first: number,
  last: number,
  width: number,
  set: (p: number) => void,
): void {
  const box = { x: Math.round(x1), y: Math.round(y1), width: Math.round(x2 - x1), height: Math.round(y2 - y1) };
  const area = mask ?? box;
  for (let y = Math.max(first, area.y); y < Math.min(last, area.y + area.height); y++)
    for (let x = Math.max(0, area.x); x < Math.min(width, area.x + area.width); x++)
      if (mask === undefined || mask.bits[(y - mask.y) * mask.width + x - mask.x] === 1) set((y - first) * width + x);
}
