/** FITS and HDF5 files as flux stamps: decoded in processes of their own, judged and described here. */
import { join } from "node:path";
import { giveBack } from "../base/child-areas.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { inOrder } from "../base/in-order.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem } from "../contract/survey.ts";
import { sortBands } from "./bands.ts";
import { describeFile, type Intake, refusal } from "./create.ts";
import { decode, decodeWidth, type FluxHead, type FluxObject } from "./decode/index.ts";
import { DEFAULT_BANDS } from "./decode/planes.ts";
import { type ImageFiles, nameOfGroup, sourceOfGroup } from "./files.ts";
import type { FitsGroup } from "./fits-groups.ts";
import type { NewStamp } from "./folder.ts";
import { type Hdf5File, readHdf5Stamps } from "./hdf5.ts";
import { type judgeFlux, QUALITY } from "./quality.ts";
import { UNKNOWN_UNIT } from "./units.ts";

/** What holds for the whole survey, found in the first files. */
export interface FluxFacts {
  bands: string[];
  unit: string;
  pixelScaleArcsec: number | null;
}

/** The commonest of some values; undefined where there are none. */
function commonest<T>(values: T[]): T | undefined {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

const pathsOf = (folder: string, group: FitsGroup) => group.files.map(({ file }) => join(folder, file));

/** Bands that most objects have, in order of wavelength, their unit and pixel scale: of the first readable files. */
export async function findFluxFacts(folder: string, fits: FitsGroup[], hdf5: Hdf5File[]): Promise<FluxFacts> {
  const heads: Pick<FluxHead, "bands" | "unit" | "pixelScaleArcsec">[] = hdf5.map(({ head }) => head);
  let scale = hdf5.find(({ head }) => head.pixelScaleArcsec !== null)?.head.pixelScaleArcsec ?? null;
  let read = 0;
  for await (const [, head] of inOrder(fits.slice(0, 40), decodeWidth(), (group) =>
    // What cannot be read is named as a problem when the stamps are read.
    decode("fluxHead", pathsOf(folder, group), { folder, group }).catch(() => null),
  )) {
    if (head === null) continue;
    heads.push(head);
    scale ??= head.pixelScaleArcsec;
    if (++read === 12) break;
  }
  const bands = commonest(heads.map((head) => sortBands([...new Set(head.bands)]).join(",")));
  const units = heads.map(({ unit }) => unit);
  return {
    bands: bands?.split(",") ?? DEFAULT_BANDS,
    unit: commonest(units.filter((unit) => unit !== UNKNOWN_UNIT)) ?? UNKNOWN_UNIT,
    pixelScaleArcsec: scale,
  };
}

/**
 * Every object of the FITS and HDF5 files, or the reason why it cannot be taken. The pixels are the receiver's until it
 * asks for the next one.
 */
export async function* readFluxStamps(
  folder: string,
  { fits }: Pick<ImageFiles, "fits">,
  hdf5: Hdf5File[],
  { bands, unit }: Pick<FluxFacts, "bands" | "unit">,
  intake: Intake,
  progress: Progress,
): AsyncGenerator<NewStamp | Problem> {
  let done = 0;
  const once = onceEach();
  const read = (group: FitsGroup): Promise<FluxObject | Problem> =>
    decode("fluxObject", pathsOf(folder, group), { folder, group, bands, unit }).catch((error: unknown) =>
      refusal(sourceOfGroup(group), codeOf(error) ?? "FITS_UNREADABLE", messageOf(error)),
    );
  for await (const [group, object] of inOrder(fits, decodeWidth(), read)) {
    if ("code" in object) yield object;
    else {
      for (const problem of notesOf(group, object)) if (once(problem)) yield problem;
      const stamp = describedStamp(group, object, bands, intake);
      if ("code" in stamp) yield stamp;
      else yield* judged(stamp, object.quality as ReturnType<typeof judgeFlux>);
      if (object.data !== null) giveBack(object.data);
    }
    progress.update(++done, fits.length);
  }
  for (const file of hdf5) yield* readHdf5Stamps(folder, file, bands, intake.labels, progress);
}

/** Lets what is said of every file of a set through once: planes that all of them have and none of them is. */
function onceEach(): (problem: Problem) => boolean {
  const said = new Set<string>();
  return ({ code, message }) => {
    if (code !== "PLANE_LEFT_OUT" && code !== "UNIT_DIFFERS" && code !== "WCS_UNSUPPORTED") return true;
    const fresh = !said.has(message);
    said.add(message);
    return fresh;
  };
}

const notesOf = (group: FitsGroup, { notes }: FluxObject): Problem[] =>
  notes.map((note) => ({ source: sourceOfGroup(group), ...note, kept: true }));

function describedStamp(
  group: FitsGroup,
  { found, data, raDeg, decDeg, widthPx, heightPx }: FluxObject,
  bands: string[],
  intake: Intake,
): (NewStamp & { codec: "f32"; data: Float32Array }) | Problem {
  const source = sourceOfGroup(group);
  if (data === null)
    return {
      source,
      code: "BAND_MISSING",
      message: `has no band ${bands.filter((band) => !found.includes(band)).join(", ")} (it has ${found.join(", ")}); add the file, or choose bands with --bands`,
      kept: false,
    };
  const described = describeFile(nameOfGroup(group)[0], intake);
  return {
    ...described,
    raDeg: described.raDeg ?? raDeg,
    decDeg: described.decDeg ?? decDeg,
    source,
    widthPx,
    heightPx,
    codec: "f32",
    data,
  };
}

/** A stamp with its quality bits and, where something is wrong with it, a word about that. */
export function* judged(
  stamp: NewStamp & { codec: "f32"; data: Float32Array },
  { quality, nan, zero, useless }: ReturnType<typeof judgeFlux>,
): Generator<NewStamp | Problem> {
  const { source } = stamp;
  if (Math.min(stamp.widthPx, stamp.heightPx) < 16) {
    yield {
      source,
      code: "TOO_SMALL",
      message: `${stamp.widthPx} x ${stamp.heightPx} px; a stamp needs 16 or more`,
      kept: false,
    };
    return;
  }
  if (useless) {
    yield { source, code: "NO_SIGNAL", message: "no band has two different finite pixels", kept: false };
    return;
  }
  if (nan > 0)
    yield {
      source,
      code: "NAN_PIXELS",
      message: `${nan} of ${stamp.data.length} values are NaN; kept as NaN, models see them as zero`,
      kept: true,
    };
  if ((quality & QUALITY.zeroPixels) !== 0)
    yield {
      source,
      code: "ZERO_PIXELS",
      message: `${zero} of ${stamp.data.length} values are exactly 0, as masked pixels are; kept`,
      kept: true,
    };
  yield { ...stamp, quality: (stamp.quality ?? 0) | quality };
}
