/** Downloaded files as stamps of a survey. */
import { readFileSync } from "node:fs";
import { codeOf, messageOf, SkyloopError } from "../../base/errors.ts";
import { hashBytes } from "../../base/files.ts";
import { inOrder } from "../../base/in-order.ts";
import type { Progress } from "../../base/progress.ts";
import type { Problem } from "../../contract/survey.ts";
import type { TableRow } from "../catalogue.ts";
import { covered } from "../covered.ts";
import { decode, decodeWidth } from "../decode/index.ts";
import { chooseImages } from "../decode/planes.ts";
import { cardNumber, type FitsCard } from "../fits.ts";
import type { NewStamp } from "../folder.ts";
import { turnNorthUp, turnPlane } from "../orient.ts";
import type { Target } from "../targets.ts";
import { UNKNOWN_UNIT, unitFactor, unitOfHeaders } from "../units.ts";
import { parseWcs } from "../wcs.ts";
import { placesOf } from "./check.ts";
import { fitsOutline } from "./fits-bytes.ts";
import type { Journal } from "./journal.ts";
import type { CutoutPart, Plan } from "./plan.ts";

/** A file that came. */
interface Got {
  part: CutoutPart;
  path: string;
  url: string;
  bytes: number;
  sha256: string;
}

/** Unit of the survey: what the first file names, else what the service is known to give. */
export function unitOfFiles(plan: Plan, journal: Journal, targets: Target[]): string {
  if (plan.kind === "colour") return "colour";
  if (plan.provider.factor !== undefined) return plan.provider.unit;
  for (const target of targets) {
    const got = gotOf(plan, journal, target);
    if ("code" in got) continue;
    const outline = fitsOutline(readFileSync(got[0].path));
    const named = outline === null ? UNKNOWN_UNIT : unitOfHeaders(outline.hdus.map(({ cards }) => cards));
    return named === UNKNOWN_UNIT ? plan.provider.unit : named;
  }
  return plan.provider.unit;
}

/** The files of an object, or why it has none. */
function gotOf(plan: Plan, journal: Journal, target: Target): Got[] | Problem {
  const missing = (code: string, message: string, url: string): Problem => ({
    source: url || target.id,
    code,
    message: `${target.id}: ${message}`,
    kept: false,
  });
  const parts = plan.partsOf(target, journal.names(target.row));
  const whole = journal.outcome(target.row, "");
  if (whole !== undefined && "code" in whole) return missing(whole.code, whole.message, whole.url);
  if (parts === null) return missing("SERVICE_AWAY", "it was not asked for", "");
  const got: Got[] = [];
  for (const part of parts) {
    const outcome = journal.outcome(target.row, part.part);
    if (outcome === undefined) return missing("SERVICE_AWAY", "it was not asked for", part.url);
    if ("code" in outcome) return missing(outcome.code, outcome.message, outcome.url);
    const { url, bytes, sha256 } = outcome;
    got.push({ part, path: journal.pathOf(target.row, part.part), url, bytes, sha256 });
  }
  return got;
}

/** Every object in the catalogue's order: a stamp, with its reservations before it, or why there is none. */
export async function* takeIn(
  plan: Plan,
  journal: Journal,
  { targets, columns }: { targets: Target[]; columns: TableRow[] },
  unit: string,
  progress: Progress,
): AsyncGenerator<NewStamp | Problem> {
  const seen = new Map<string, Target>();
  let done = 0;
  const read = async (at: number) => {
    const got = gotOf(plan, journal, targets[at]);
    if ("code" in got) return [got];
    try {
      return await (plan.kind === "flux"
        ? fluxStamp(plan, targets[at], got, unit)
        : pictureStamp(plan, targets[at], got[0]));
    } catch (cause) {
      return [
        {
          source: got[0].url,
          code: codeOf(cause) ?? "FITS_UNREADABLE",
          message: `${targets[at].id}: ${messageOf(cause)}`,
          kept: false,
        },
      ];
    }
  };
  for await (const [at, items] of inOrder(targets.keys(), decodeWidth(), read)) {
    for (const item of items)
      if ("code" in item) yield item;
      else {
        const twin = twinOf(seen, targets[at], item, plan.scaleArcsec);
        if (twin !== null) yield twin;
        yield { ...item, columns: { ...columns[at], ...item.columns, download_layer: plan.layer } };
      }
    progress.update(++done, targets.length);
  }
}

type Taken = (NewStamp | Problem)[];

/** Checks a file against its journal: somebody may have changed it. Returns its bytes. Throws TRUNCATED. */
function bytesOf({ path, sha256 }: Got): Uint8Array {
  const bytes = readFileSync(path);
  if (hashBytes(bytes) !== sha256)
    throw new SkyloopError(
      "TRUNCATED",
      `${path} is not the file that was downloaded; delete it and run the same command again`,
    );
  return bytes;
}

const provenanceOf = (got: Got[]) => ({
  download_bytes: got.reduce((sum, { bytes }) => sum + bytes, 0),
  download_sha256: got.map(({ sha256 }) => sha256).join(" "),
});

async function pictureStamp({ sizePx }: Plan, target: Target, got: Got): Promise<Taken> {
  bytesOf(got);
  const picture = await decode("picture", [got.path], { path: got.path }).catch((cause: unknown) => {
    throw codeOf(cause) === "NO_SIGNAL"
      ? new SkyloopError("NOT_COVERED", "every pixel has the same value: the service has none of this place")
      : cause;
  });
  const { widthPx, heightPx } = picture;
  if (widthPx !== sizePx || heightPx !== sizePx)
    throw new SkyloopError("WRONG_SIZE", `${sizePx} x ${sizePx} px were asked for, ${widthPx} x ${heightPx} came`);
  return [{ ...picture, ...idOf(target), source: got.url, quality: 0, columns: provenanceOf([got]) }];
}

const idOf = ({ id, raDeg, decDeg }: Target) => ({ id, raDeg, decDeg });

async function fluxStamp(plan: Plan, target: Target, got: Got[], unit: string): Promise<Taken> {
  const { sizePx, bands } = plan;
  const N = sizePx ** 2;
  const data = new Float32Array(bands.length * N);
  const problems: Problem[] = [];
  const source = got.map(({ url }) => url).join(" ");
  for (const one of got) {
    const hdus = fitsOutline(bytesOf(one))?.hdus ?? [];
    const { images } = chooseImages(hdus, one.part.bands.length === 1 ? one.part.bands[0] : null);
    const places = placesOf(images, one.part.bands);
    if (places === null)
      throw new SkyloopError("BAND_MISSING", `the file has not the bands ${one.part.bands.join(", ")}`);
    for (const hdu of new Set(places.map(({ image }) => image.hdu))) {
      const { data: pixels, header } = await decode("fitsImage", [one.path], { path: one.path, hdu });
      const factor = factorOf(plan, [header, ...hdus.map(({ cards }) => cards)], unit);
      if (factor === null)
        problems.push({
          source,
          code: "UNIT_DIFFERS",
          message: `${target.id}: nothing says how to turn its values into ${unit}; they are kept as they are`,
          kept: true,
        });
      const turn = turnNorthUp(parseWcs(header, hdus[0].cards), (sizePx - 1) / 2, (sizePx - 1) / 2);
      for (const [i, { image, plane }] of places.entries()) {
        if (image.hdu !== hdu) continue;
        const own = turnPlane(pixels.subarray(plane * N, (plane + 1) * N), sizePx, sizePx, turn);
        const at = bands.indexOf(one.part.bands[i]);
        data.set(factor === null || factor === 1 ? own : own.map((value) => value * factor), at * N);
      }
    }
  }
  const stamp = { ...idOf(target), source, widthPx: sizePx, heightPx: sizePx, codec: "f32" as const, data };
  return [...problems, ...covered({ ...stamp, columns: provenanceOf(got) }, bands)];
}

/** What values are multiplied by to be in the survey's unit; null where nothing says so. */
function factorOf({ provider }: Plan, headers: FitsCard[][], unit: string): number | null {
  if (provider.factor === "ps1") {
    // Stacks are counts with AB zero point 25 + 2.5 log10(exposure time) (Waters et al. 2020, ApJS 251, 4).
    const seconds = headers.map((cards) => cardNumber(cards, "EXPTIME")).find((value) => value !== undefined);
    return seconds === undefined || !(seconds > 0) ? null : 10 ** ((22.5 - 25) / 2.5) / seconds;
  }
  const named = unitOfHeaders(headers);
  return named === UNKNOWN_UNIT ? 1 : unitFactor(named, unit);
}

/** The same pixels at another place: a stand-in for images that the service does not have, or one that ignores positions. */
function twinOf(seen: Map<string, Target>, target: Target, stamp: NewStamp, scaleArcsec: number): Problem | null {
  const pixels = stamp.codec === "f32" ? stamp.data : "bytes" in stamp ? stamp.bytes : new Uint8Array();
  const hash = hashBytes(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
  const twin = seen.get(hash);
  if (twin === undefined) {
    seen.set(hash, target);
    return null;
  }
  const away = Math.hypot(
    (((target.raDeg - twin.raDeg + 540) % 360) - 180) * Math.cos((target.decDeg * Math.PI) / 180),
    target.decDeg - twin.decDeg,
  );
  if (away * 3600 <= 2 * scaleArcsec) return null;
  return {
    source: stamp.source,
    code: "SAME_IMAGE",
    message: `${target.id} has the same pixels as ${twin.id}, ${(away * 3600).toFixed(0)} arcsec away; kept`,
    kept: true,
  };
}
