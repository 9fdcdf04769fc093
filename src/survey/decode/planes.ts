/** Which HDUs of a FITS file are an object's image, and in which bands. */
import { bandOfHeader, namedCubeBands, planeOfHeader } from "../bands.ts";
import { cardNumber, cardValue, type FitsHdu } from "../fits.ts";

/** Bands of a cube of three planes that names none: what the Legacy Surveys' cutouts hold. */
export const DEFAULT_BANDS = ["g", "r", "z"];

/** An HDU that holds an image of the sky; sizes in pixels. */
export interface ImageHdu {
  hdu: number;
  widthPx: number;
  heightPx: number;
  planes: number;
  /** One a plane. */
  bands: string[];
  cards: FitsHdu["cards"];
}

/** The bands of a cube by its header; else g, r, z for three planes. */
export function cubeBands(header: FitsHdu["cards"], planes: number): string[] {
  const named = planes > 1 ? namedCubeBands(header, planes) : null;
  if (named !== null) return named;
  return planes === 3
    ? DEFAULT_BANDS
    : planes === 1
      ? [bandOfHeader(header) ?? "r"]
      : Array.from({ length: planes }, (_, i) => `band${i + 1}`);
}

const isImage = ({ type, shape }: FitsHdu) => type === "image" && shape.length >= 2 && shape.every((n) => n > 0);
const nameOf = ({ cards }: FitsHdu) => cardValue(cards, "EXTNAME") ?? "";
const SCIENCE = /^(sci|science|image|data|primary|compressed_image)(?![a-z])/i;

/**
 * The image HDUs of a file and a word on each that was passed over. Named bands come before an HDU called SCI, and that
 * before the largest; all that is taken has one size. `fileBand` is the band in the file's name, for one image.
 */
export function chooseImages(hdus: FitsHdu[], fileBand: string | null): { images: ImageHdu[]; leftOut: string[] } {
  const leftOut: string[] = [];
  const word = (at: number, why: string) =>
    leftOut.push(`HDU ${at}${nameOf(hdus[at]) === "" ? "" : ` ${nameOf(hdus[at])}`} (${why})`);
  let at = hdus.flatMap((hdu, i) => (isImage(hdu) ? [i] : []));
  const keep = (wanted: (i: number) => boolean, why: string | ((i: number) => string)) => {
    for (const i of at) if (!wanted(i)) word(i, typeof why === "string" ? why : why(i));
    at = at.filter(wanted);
  };
  keep(
    (i) => planeOfHeader(hdus[i].cards) === null,
    (i) => planeOfHeader(hdus[i].cards) as string,
  );
  const area = (i: number) => hdus[i].shape[0] * hdus[i].shape[1];
  const sized = (like: number) => (i: number) =>
    hdus[i].shape[0] === hdus[like].shape[0] && hdus[i].shape[1] === hdus[like].shape[1];
  const named = at.filter((i) => bandOfHeader(hdus[i].cards) !== null);
  const bandsDiffer = new Set(named.map((i) => bandOfHeader(hdus[i].cards))).size > 1;
  if (bandsDiffer) keep((i) => named.includes(i), "no band of its own beside the bands");
  else if (at.some((i) => SCIENCE.test(nameOf(hdus[i]))))
    keep((i) => SCIENCE.test(nameOf(hdus[i])), "beside the image of the file");
  if (at.length > 0) {
    const like = at.reduce((best, i) => (area(i) > area(best) ? i : best));
    keep(sized(like), (i) => `${hdus[i].shape.slice(0, 2).join("x")} px, another size than the image`);
  }
  const [first] = at;
  // Flags come as whole numbers after an image in floating point.
  const whole = (i: number) =>
    (cardNumber(hdus[i].cards, "ZBITPIX") ?? cardNumber(hdus[i].cards, "BITPIX") ?? -32) > 0 &&
    !hdus[i].cards.some(isScaling);
  if (at.length > 1 && !bandsDiffer && !whole(first)) keep((i) => !whole(i), "whole numbers beside an image");
  const several = at.length > 1;
  const images = at.map((hdu): ImageHdu => {
    const { shape, cards } = hdus[hdu];
    const [widthPx, heightPx, ...others] = shape;
    const planes = others.reduce((product, n) => product * n, 1);
    // Telescopes write the filter into the primary header, beside which the only image stands.
    const own = bandOfHeader(cards) ?? (several ? null : bandOfHeader(hdus[0].cards));
    const bands =
      planes > 1 ? cubeBands(cards, planes) : [(several ? own : (fileBand ?? own)) ?? (several ? `band${hdu}` : "r")];
    return { hdu, widthPx, heightPx, planes, bands, cards };
  });
  return { images, leftOut };
}

const isScaling = ([key, value]: FitsHdu["cards"][number]) =>
  (key === "BSCALE" && Number(value) !== 1) || (key === "BZERO" && Number(value) !== 0);
