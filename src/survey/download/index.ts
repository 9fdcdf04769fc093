/** A survey from a catalogue of positions: each cutout asked for once, checked, kept, and everything that is missing named. */
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashFile } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import type { Problem, SurveyHeader } from "../../contract/survey.ts";
import { type ChooseCrop, SurveyWriter } from "../folder.ts";
import { stemOf } from "../labels.ts";
import { checkReplaceable, type Keeping, realPath } from "../replace.ts";
import { readTargets, type Targets } from "../targets.ts";
import type { AskOptions } from "./ask.ts";
import { fetchAll } from "./fetch-all.ts";
import { downloadFolderOf, Journal } from "./journal.ts";
import { type Plan, type PlanOptions, planDownload } from "./plan.ts";
import { Gate } from "./polite.ts";
import { takeIn, unitOfFiles } from "./take-in.ts";

/** What to download, from where, and how fast. */
export interface DownloadOptions extends PlanOptions {
  out: string;
  catalogue: string;
  raUnit?: "deg" | "hours";
  title?: string;
  /** Whether models see stamps cropped to the galaxy; a function decides it from the finished survey. */
  adaptiveCrop: boolean | ChooseCrop;
  perSecond: number;
  atOnce: number;
  /** An address at which the service can reach whoever asks so often. */
  contact?: string;
  /** Of this program, for the service's log. */
  version: string;
  timeoutMs: number;
  tries: number;
  /** Before the second try of a request. */
  backoffMs: number;
  /** The downloaded files stay beside the survey. */
  keepFiles: boolean;
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  command: string;
  /** Told of files that came, then of stamps that were made. */
  progress: (label: string) => Progress;
}

/** What became of a download. */
export interface Downloaded {
  header: SurveyHeader;
  /** Rows of the catalogue. */
  asked: number;
  /** Objects that are not in the survey, by code. */
  missing: Map<string, number>;
  /** Objects that another run may bring; the files of the others are kept for it. */
  unfinished: number;
}

/**
 * Downloads a cutout of every position of a catalogue and makes a survey of them. A stopped run goes on where it was, and makes the
 * same survey (catalogue and stamps byte for byte). Throws BAD_OPTION, BAD_POSITION, TOO_MANY_POSITIONS, SURVEY_EXISTS,
 * DOWNLOAD_DIFFERS, SERVICE_AWAY, THROTTLED, REQUEST_REFUSED, LOCKED, NO_STAMPS, and what `SurveyWriter` throws.
 */
export async function downloadSurvey(options: DownloadOptions): Promise<Downloaded> {
  const plan = planDownload(options);
  checkPace(options, plan);
  const out = realPath(options.out);
  if (existsSync(out)) {
    if (options.replace === undefined)
      throw new SkyloopError(
        "SURVEY_EXISTS",
        `${options.out} exists; choose another name, or pass --overwrite to make the survey again (its labels stay)`,
      );
    checkReplaceable(out, [options.catalogue]);
  }
  const found = await readTargets(options.catalogue, options.raUnit, (rows) => checkNumber(rows, options, plan));
  const release = lockFolder(dirname(out), `download-${basename(out)}`);
  try {
    const journal = new Journal(downloadFolderOf(out), await requestOf(options, plan));
    try {
      await fetchAll(
        plan,
        journal,
        found.targets,
        options.atOnce,
        askOptions(options),
        options.progress("downloading"),
      );
      return await makeSurvey(options, plan, journal, found);
    } finally {
      journal.close();
    }
  } finally {
    release();
  }
}

/** More positions than this are for tiles or a bulk site. */
const MOST_POSITIONS = 20_000;

function checkNumber(rows: number, { catalogue, perSecond }: DownloadOptions, { provider }: Plan): void {
  if (rows <= MOST_POSITIONS) return;
  throw new SkyloopError(
    "TOO_MANY_POSITIONS",
    `${catalogue} has ${rows} rows; above ${MOST_POSITIONS} positions, one request each is no way to treat a service (${Math.ceil(rows / perSecond / 3600)} hours at ${perSecond} a second). Get the tiles from ${provider.bulk} and cut them here with \`skyloop survey cut\`, or give a part of the catalogue`,
  );
}

function checkPace({ perSecond, atOnce, from }: DownloadOptions, { provider: { most, title } }: Plan): void {
  if (perSecond <= most.perSecond && atOnce <= most.atOnce) return;
  throw new SkyloopError(
    "BAD_OPTION",
    `${title} is asked at most ${most.perSecond} times a second, ${most.atOnce} at once; lower --rate or --at-once for --from ${from}`,
  );
}

/** What a second run must agree in to go on with the first. */
async function requestOf(
  options: DownloadOptions,
  { bands, scaleArcsec, sizePx }: Plan,
): Promise<Record<string, unknown>> {
  const { from, pictures, raUnit = null, catalogue } = options;
  return {
    format: "skyloop-download",
    version: 1,
    from,
    bands,
    scaleArcsec,
    sizePx,
    pictures,
    raUnit,
    catalogue: await hashFile(catalogue),
  };
}

function askOptions({
  perSecond,
  version,
  contact,
  timeoutMs,
  tries,
  backoffMs,
}: DownloadOptions): AskOptions & { halt(): void } {
  const controller = new AbortController();
  const userAgent = `Skyloop/${version}${contact === undefined ? "" : ` (${contact.replace(/[^\x20-\x7e]/g, "?")})`}`;
  const gate = new Gate(perSecond, controller.signal);
  // Only when to try again depends on it.
  const random = new Random(1);
  return {
    gate,
    userAgent,
    timeoutMs,
    tries,
    backoffMs,
    random,
    stop: controller.signal,
    halt: () => controller.abort(),
  };
}

async function makeSurvey(options: DownloadOptions, plan: Plan, journal: Journal, found: Targets): Promise<Downloaded> {
  const { provider, bands, kind, scaleArcsec } = plan;
  const unit = unitOfFiles(plan, journal, found.targets);
  const writer = new SurveyWriter(
    options.out,
    {
      title: options.title ?? `${stemOf(options.catalogue)}, ${provider.title}`,
      kind,
      bands,
      unit,
      pixelScaleArcsec: scaleArcsec,
      adaptiveCrop: options.adaptiveCrop,
      seed: null,
      command: options.command,
    },
    options.replace === undefined ? null : { keeping: options.replace, inputs: [options.catalogue] },
  );
  const missing = new Map<string, number>();
  const problem = (one: Problem) => {
    writer.problem(one);
    if (!one.kept) missing.set(one.code, (missing.get(one.code) ?? 0) + 1);
  };
  const progress = options.progress("making stamps");
  try {
    found.problems.forEach(problem);
    for await (const item of takeIn(plan, journal, found, unit, progress)) {
      if ("code" in item) problem(item);
      else writer.add(item);
    }
    writer.addFile("download.json", `${JSON.stringify(aboutOf(options, plan), null, 2)}\n`);
    writer.addFile("download-files.jsonl", journal.lines());
    const header = await writer.finish("see --from, --size and the positions");
    const unfinished = journal.unfinished();
    if (unfinished === 0 && !options.keepFiles) journal.remove();
    return { header, asked: found.rows, missing, unfinished };
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    progress.end();
  }
}

/** Where the images are from, for whoever uses them. */
function aboutOf(
  { from, catalogue, mirror, contact }: DownloadOptions,
  { provider, layer, bands, sizePx, scaleArcsec }: Plan,
) {
  const { title, flux, picture, credit, terms, unit } = provider;
  return {
    from,
    title,
    layer,
    address: { flux, picture },
    mirror,
    contact,
    catalogue: basename(catalogue),
    sizePx,
    scaleArcsec,
    bands,
    unit,
    credit,
    terms,
  };
}
