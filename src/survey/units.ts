/** Units of pixel values as headers write them. */
import { cardValue, type FitsCard } from "./fits.ts";

/** Stands in a survey whose files name no unit. */
export const UNKNOWN_UNIT = "unknown";

/** AB flux densities in nanomaggies: 1 nanomaggy is magnitude 22.5 AB, 3.631 microjansky. */
const IN_NANOMAGGIES: Record<string, number> = {
  nanomaggy: 1,
  maggy: 1e9,
  Jy: 1 / 3.631e-6,
  mJy: 1e-3 / 3.631e-6,
  uJy: 1 / 3.631,
  nJy: 1e-3 / 3.631,
};

/** A unit under one name for its usual spellings; `unknown` for an empty one. */
export function unitName(text: string | undefined): string {
  const unit = (text ?? "").trim();
  if (unit === "") return UNKNOWN_UNIT;
  if (/^(nano-?magg(y|ies)|n?anomagg(y|ies)|nmgy|nmaggy|nmaggies|nanomgy)$/i.test(unit)) return "nanomaggy";
  if (/^(magg(y|ies)|mgy)$/i.test(unit)) return "maggy";
  if (/^(jy|jansky)$/i.test(unit)) return "Jy";
  if (/^(mJy|millijansky)$/.test(unit)) return "mJy";
  if (/^((u|µ|μ)jy|microjy|microjansky)$/i.test(unit)) return "uJy";
  if (/^(njy|nanojansky)$/i.test(unit)) return "nJy";
  return unit;
}

/** The unit of an image by BUNIT, the Legacy Surveys' cutouts (which have none) by SURVEY. Headers are asked in order. */
export function unitOfHeaders(headers: FitsCard[][]): string {
  for (const header of headers) {
    const named = unitName(cardValue(header, "BUNIT"));
    if (named !== UNKNOWN_UNIT) return named;
  }
  // Others have "Legacy" in their names too (Canada-France-Hawaii Telescope Legacy Survey).
  const theirs = /^\s*(desi )?legacy ?surveys?\b|\b(decals|bass|mzls)\b/i;
  return headers.some((header) => theirs.test(cardValue(header, "SURVEY") ?? "")) ? "nanomaggy" : UNKNOWN_UNIT;
}

/** What values in one unit are multiplied by to be in another; null where that is not known. */
export function unitFactor(from: string, to: string): number | null {
  if (from === to) return 1;
  const [a, b] = [IN_NANOMAGGIES[from], IN_NANOMAGGIES[to]];
  return a === undefined || b === undefined ? null : a / b;
}
