/** Whether a survey's stamps should be cropped to the galaxy: from how much of them the galaxies fill. */
import type { Survey } from "../survey/folder.ts";
import { adaptiveCrop } from "./crop.ts";
import { renderFlux } from "./render.ts";

/** So many stamps say how large galaxies are in all. */
const SAMPLE = 64;

/**
 * Galaxies that typically fill less than this share of the stamp's side are small in it, and a model would see mostly
 * sky. Between the sets that were cut around each galaxy (0.7 to 0.95) and those of one angular size (0.3 to 0.45).
 */
const SMALL_SHARE = 0.6;

/** Median over some stamps of the side of the square around the galaxy, as a share of the stamp's shorter side. */
export async function galaxyShare(survey: Survey): Promise<number> {
  const step = Math.max(1, Math.floor(survey.count / SAMPLE));
  const shares: number[] = [];
  for (let row = 0; row < survey.count && shares.length < SAMPLE; row += step) {
    const stamp = await survey.readStamp(row);
    const { widthPx, heightPx } = stamp;
    const rgb = stamp.kind === "flux" ? renderFlux(stamp) : stamp.data;
    shares.push(adaptiveCrop(rgb, widthPx, heightPx).sizePx / Math.min(widthPx, heightPx));
  }
  shares.sort((a, b) => a - b);
  return shares.length === 0 ? 1 : shares[Math.floor((shares.length - 1) / 2)];
}

/** Crops where galaxies are typically small in their stamps. */
export async function cropSmallGalaxies(survey: Survey): Promise<boolean> {
  return (await galaxyShare(survey)) < SMALL_SHARE;
}
