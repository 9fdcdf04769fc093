/**
 * Making a survey again where one stands. The new folder is complete beside the old one (`OUT.partial`) before anything
 * moves; then the old one steps aside (`OUT.replaced`), the new one takes its name, and only then is the old one
 * removed. Whenever the program is killed, the old or the new survey is whole, and the next one to open it clears up.
 */
import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { codeOf, SkyloopError } from "../base/errors.ts";
import { readJson, syncFolder, writeError, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import { SurveyHeader } from "../contract/survey.ts";
import { isBegun, isMark, markOf, type Work, writeMark } from "./work-journal.ts";

/** What the old survey hands on to the new one; the parts that this folder knows nothing of. */
export interface Keeping {
  /**
   * Brings the folder's `skyloop.db` to rest: one file, all in it. Throws SURVEY_IN_USE where another program has it
   * open.
   */
  settleLabels(folder: string): void;
  /** Copies features of the rows that both have: `oldRows[i]` is the old row of the new row i, or -1. */
  keepFeatures(old: string, fresh: string, oldRows: Int32Array): void;
  /** Removes the old survey's sessions and labels with it; they are handed on otherwise. */
  discardLabels?: boolean;
}

/** The second and third are there only where the first could not be brought to rest: it is damaged. */
const DATABASE_FILES = ["skyloop.db", "skyloop.db-wal", "skyloop.db-journal"];
const ASIDE_MARK = ".replaced-by.json";
/** Where a survey in the making, or a folder of fields, keeps what is worth going on with. */
const WORKED_IN = ["stamps", "images"];
/** Made anew by the new survey, or of no use to it. */
const OWN = /^(survey\.json|catalogue\.parquet|problems\.json|skyloop\.db(-wal|-shm|-journal)?|\.lock-.*|.*\.tmp)$/;
/** Computed from the rows; of use only where the data are the same. */
const DERIVED = ["features", "loop"];
const PACK = /^\d{4,}\.pack$/;

/** The folder in which a new survey is made before it takes its name. */
export const partialOf = (out: string) => `${out}.partial`;
const asideOf = (out: string) => `${out}.replaced`;

/** Where a path leads, links resolved as far as it exists. */
export function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    try {
      return resolve(dirname(whole), readlinkSync(whole));
    } catch {
      const parent = dirname(whole);
      return parent === whole ? whole : join(realPath(parent), basename(whole));
    }
  }
}

const holds = (outer: string, inner: string) => inner === outer || inner.startsWith(outer === sep ? sep : outer + sep);

/**
 * Checks that a folder may be replaced: a survey of ours that neither holds nor is held by what the new one is made of.
 * Returns its header. Throws NOT_A_SURVEY, OUT_HOLDS_INPUT.
 */
export function checkReplaceable(out: string, inputs: string[]): SurveyHeader {
  const path = join(out, "survey.json");
  const header = existsSync(path) ? SurveyHeader.safeParse(readJson(path)) : undefined;
  if (header?.success !== true)
    throw new SkyloopError(
      "NOT_A_SURVEY",
      `${out} is no survey of Skyloop (${header === undefined ? "no survey.json" : "its survey.json is another's"}), and --overwrite replaces nothing else; choose another folder for the survey`,
    );
  const real = realPath(out);
  for (const input of inputs) {
    const from = realPath(input);
    if (holds(real, from) || holds(from, real))
      throw new SkyloopError(
        "OUT_HOLDS_INPUT",
        `${out} ${holds(real, from) ? "holds" : "lies in"} ${input}, which the new survey is made of; choose a folder for the survey that is apart from it`,
      );
  }
  return header.data;
}

/**
 * Makes an empty `OUT.partial`, or empties one that a stopped run left; what a run of the same `work` left there in its
 * folders stays. Throws FOLDER_IN_THE_WAY, SIMULATION_DIFFERS.
 */
export function beginPartial(out: string, work: Work | null = null): string {
  const partial = partialOf(out);
  let begun = false;
  if (existsSync(partial) || isLink(partial)) {
    if (!isLeftover(partial))
      throw new SkyloopError(
        "FOLDER_IN_THE_WAY",
        `${partial} is where the survey would be built, and it is not from a stopped run; move it away or choose another name`,
      );
    begun = isBegun(partial, work);
    for (const name of readdirSync(partial))
      if (!isMark(name) && !(begun && WORKED_IN.includes(name)))
        rmSync(join(partial, name), { recursive: true, force: true });
  }
  mkdirSync(partial, { recursive: true });
  if (!begun) writeMark(partial, work);
  mkdirSync(join(partial, "stamps"), { recursive: true });
  return partial;
}

/** Removes what a stopped run left of `OUT`; what is none stays. Throws LOCKED where it is being written. */
export function dropPartial(out: string): void {
  const path = realPath(out);
  const partial = partialOf(path);
  if (!existsSync(partial)) return;
  const release = lockFolder(dirname(path), lockOf(path));
  try {
    if (!isLeftover(partial)) return;
    // The mark goes last: a folder without it would be nobody's.
    for (const name of readdirSync(partial))
      if (!isMark(name)) rmSync(join(partial, name), { recursive: true, force: true });
    rmSync(partial, { recursive: true, force: true });
  } finally {
    release();
  }
}

const isLink = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

/** Whether a folder is a survey in the making, with nothing of anybody else in it. */
function isLeftover(partial: string): boolean {
  if (isLink(partial) || !lstatSync(partial).isDirectory()) return false;
  if (existsSync(markOf(partial))) return true;
  // As earlier versions left it.
  const entries = readdirSync(partial);
  return (
    !entries.includes("survey.json") &&
    entries.every((name) => name === "stamps" || name === "catalogue.parquet" || name === "problems.json") &&
    (!entries.includes("stamps") || readdirSync(join(partial, "stamps")).every((name) => PACK.test(name)))
  );
}

/** Gives a complete `OUT.partial` its name, where nothing stands under that name. */
export function placeNew(out: string): void {
  renameSync(partialOf(out), out);
  syncFolder(dirname(out));
  dropMark(out);
}

/** The mark of a survey in the making goes after it has its name; where it cannot, it does no harm. */
function dropMark(out: string): void {
  try {
    rmSync(markOf(out), { force: true });
  } catch {
    // The survey stands all the same.
  }
}

/**
 * Puts the complete `OUT.partial` in the place of the survey `OUT`. The caller holds the lock of `OUT`. Everything of
 * the old folder that the new one does not make itself is handed on. Throws SURVEY_IN_USE, FOLDER_IN_THE_WAY; the old
 * survey then stands.
 */
export function placeInstead(out: string, oldRows: Int32Array, keeping: Keeping): void {
  const [partial, aside] = [partialOf(out), asideOf(out)];
  if (!removeEmpty(aside))
    throw new SkyloopError(
      "FOLDER_IN_THE_WAY",
      `${aside} is where the old survey would step aside to; move it away and run the same command again`,
    );
  const hashOf = (folder: string) => (readJson(join(folder, "survey.json")) as SurveyHeader).dataHash;
  const same = hashOf(out) === hashOf(partial);
  handOn(out, partial, (path) => {
    const [top, second] = path.split(sep);
    if (second === undefined && (OWN.test(top) || top === ASIDE_MARK || isMark(top))) return false;
    if (top === "stamps" && second !== undefined && PACK.test(second)) return false;
    return same || !DERIVED.includes(top);
  });
  if (!same) {
    if (keeping.discardLabels !== true) rememberData(out, partial);
    keeping.keepFeatures(out, partial, oldRows);
  }
  keeping.settleLabels(out);
  writeFileAtomic(join(out, ASIDE_MARK), `${JSON.stringify({ by: hashOf(partial) })}\n`);
  renameSync(out, aside);
  try {
    syncFolder(dirname(out));
    // Again where nobody finds it any more: what was written in between is in the file then.
    keeping.settleLabels(aside);
    if (keeping.discardLabels !== true)
      for (const name of DATABASE_FILES)
        if (existsSync(join(aside, name))) linkOrCopy(join(aside, name), join(partial, name));
    syncFolder(partial);
    renameSync(partial, out);
  } catch (cause) {
    for (const name of DATABASE_FILES) rmSync(join(partial, name), { force: true });
    renameSync(aside, out);
    rmSync(join(out, ASIDE_MARK), { force: true });
    throw writeError(out, cause);
  }
  syncFolder(dirname(out));
  dropMark(out);
  removeAside(aside);
}

/**
 * Ends a replacement that was killed: brings the old survey back where the new one does not stand yet, else removes
 * what is left of the old one. Does nothing while another process is at it.
 */
export function recoverReplacement(folder: string): void {
  const out = realPath(folder);
  const aside = asideOf(out);
  if (!existsSync(join(aside, ASIDE_MARK))) return;
  let release: () => void;
  try {
    release = lockFolder(dirname(out), lockOf(out));
  } catch (cause) {
    // Whoever only reads a survey that stands need not be able to clear up.
    if (existsSync(join(out, "survey.json"))) return;
    throw cause;
  }
  try {
    clearReplacement(out);
  } finally {
    release();
  }
}

/** The name of the lock on a survey, in the folder that holds it. */
export const lockOf = (out: string) => `survey-${basename(out)}`;

/** As `recoverReplacement`, for whoever holds the lock. */
export function clearReplacement(out: string): void {
  const aside = asideOf(out);
  const mark = join(aside, ASIDE_MARK);
  if (!existsSync(mark)) return;
  if (!existsSync(out)) {
    renameSync(aside, out);
    rmSync(join(out, ASIDE_MARK), { force: true });
    syncFolder(dirname(out));
    return;
  }
  const path = join(out, "survey.json");
  const { by } = readJson(mark) as { by: string };
  if (existsSync(path) && (readJson(path) as SurveyHeader).dataHash === by) removeAside(aside);
}

/** Writes into the new survey's header which data the labels were given on: a database of many surveys asks for it. */
function rememberData(old: string, fresh: string): void {
  const path = join(fresh, "survey.json");
  const { dataHash, formerHashes = [] } = readJson(join(old, "survey.json")) as SurveyHeader;
  const header = { ...(readJson(path) as SurveyHeader), formerHashes: [...formerHashes, dataHash] };
  writeFileAtomic(path, `${JSON.stringify(header, null, 2)}\n`);
}

/** Whether nothing stands there, after an empty folder has been removed. */
function removeEmpty(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isDirectory() || readdirSync(path).length > 0) return false;
  rmdirSync(path);
  return true;
}

/** The mark goes last, so that a removal that is killed can go on. */
function removeAside(aside: string): void {
  for (const name of readdirSync(aside))
    if (name !== ASIDE_MARK) rmSync(join(aside, name), { recursive: true, force: true });
  rmSync(join(aside, ASIDE_MARK), { force: true });
  rmdirSync(aside);
}

/** Gives the new folder every wanted file of the old one; what it has already it keeps. */
function handOn(from: string, to: string, wanted: (path: string) => boolean, below = ""): void {
  for (const entry of readdirSync(join(from, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (!wanted(path)) continue;
    if (entry.isDirectory()) {
      mkdirSync(join(to, path), { recursive: true });
      handOn(from, to, wanted, path);
    } else if (lstatSync(join(to, path), { throwIfNoEntry: false }) === undefined) {
      if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(from, path)), join(to, path));
      else linkOrCopy(join(from, path), join(to, path));
    }
  }
}

/** A second name for a file, or a copy where the file system has no such names. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (cause) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "EXDEV", "ENOSYS"].includes(codeOf(cause) ?? "")) throw cause;
    copyFileSync(from, to);
  }
}
