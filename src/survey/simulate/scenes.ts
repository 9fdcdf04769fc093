/** A folder of simulated fields with annotations, for detectors. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32 } from "../../base/checksum.ts";
import { SkyloopError } from "../../base/errors.ts";
import { writeError } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { headerRecords, writeFitsImage } from "../fits.ts";
import { beginPartial, lockOf, placeNew, realPath } from "../replace.ts";
import { WorkJournal } from "../work-journal.ts";
import type { Scene } from "./scene.ts";
import { Annotations, cardsOf, describeField, type FieldRecord } from "./scene-annotations.ts";
import { SIMULATOR } from "./simulation.ts";
import { inThreads } from "./threads.ts";

/** How many fields to simulate, from which seed, with how many worker threads. */
export interface ScenesOptions {
  scenes: number;
  seed: number;
  /** Side of a field in px; 256 unless given. */
  sizePx?: number;
  workers?: number;
  /** Paints lenses onto images of the real sky instead of simulating the sky and everything else. */
  onto?: FieldPainter;
  progress: Progress;
  command: string;
}

/** Adds the light of a field's lenses to an image. */
export interface FieldPainter {
  /** Lenses stay that far from the middle of the image. */
  clearPx: number;
  /** What its images follow from, beside their lenses. */
  request: Record<string, unknown>;
  /** Writes field `index` as `stem` with its ending; returns that ending and the name of what it was painted on. */
  paint(index: number, scene: Scene, stem: string): Promise<{ ending: string; background: string }>;
}

/** How many fields were written, and their objects by class. */
export interface ScenesMade {
  fields: number;
  objects: Record<string, number>;
}

/**
 * Writes `scenes` simulated fields: `images/` (FITS, [3, size, size] nanomaggies with coordinates), `annotations.json`
 * in COCO's format with run lengths, and `truth.parquet`, a row an object. The same for the same seed whatever the
 * number of workers; a run that was killed is gone on with by one of the same options. With `onto` the images are what the
 * painter writes, and only lenses are annotated. Throws BAD_OPTION, FIELDS_EXIST, FOLDER_IN_THE_WAY, SIMULATION_DIFFERS,
 * LOCKED, DISK_FULL.
 */
export async function simulateScenes(out: string, options: ScenesOptions): Promise<ScenesMade> {
  const { scenes, seed, sizePx = 256, progress, command } = options;
  if (!Number.isInteger(scenes) || scenes < 1)
    throw new SkyloopError("BAD_OPTION", `--scenes is a whole number of fields, not ${scenes}`);
  if (!Number.isInteger(sizePx) || sizePx < 64 || sizePx > 4096)
    throw new SkyloopError("BAD_OPTION", `the side of a field is from 64 to 4096 px, not ${sizePx}`);
  const path = realPath(out);
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw writeError(out, cause);
  }
  const release = lockFolder(dirname(path), lockOf(path));
  try {
    if (existsSync(path))
      throw new SkyloopError("FIELDS_EXIST", `${out} exists; choose another name, or remove it first`);
    const request = { simulator: SIMULATOR, scenes, seed, sizePx, ...options.onto?.request };
    const folder = beginPartial(path, { command, request });
    rmSync(join(folder, "stamps"), { recursive: true });
    mkdirSync(join(folder, "images"), { recursive: true });
    const written = await writeFields(folder, options, sizePx);
    await written.finish(folder, { seed, command });
    placeNew(path);
    return { fields: scenes, objects: written.counts };
  } catch (cause) {
    throw writeError(out, cause);
  } finally {
    progress.end();
    release();
  }
}

/** Writes the fields that an earlier run has not brought into the folder whole. */
async function writeFields(folder: string, options: ScenesOptions, sizePx: number): Promise<Annotations> {
  const { scenes, seed, onto, workers, progress } = options;
  const written = new Annotations();
  const journal = new WorkJournal<FieldRecord>(folder);
  const whole = new Set<string>();
  let done = 0;
  for (let found = journal.next; found !== undefined && isWhole(folder, found); found = journal.next) {
    written.add(found);
    journal.accept();
    whole.add(basename(found.file));
    progress.update(++done, scenes);
  }
  // An image without its line may be cut short, and cfitsio writes over no file.
  for (const name of readdirSync(join(folder, "images")))
    if (!whole.has(name)) rmSync(join(folder, "images", name), { recursive: true, force: true });
  try {
    const data = { seed, sizePx, clearPx: onto?.clearPx ?? null };
    const work = inThreads<Scene>(new URL("./scene-worker.ts", import.meta.url), data, scenes, workers, done);
    for await (const scene of work) {
      const name = nameOf(done);
      const stem = join(folder, "images", name);
      if (onto === undefined) writeField(scene, `${stem}.fits`);
      const { ending, background } = (await onto?.paint(done, scene, stem)) ?? { ending: "fits", background: name };
      const file = `images/${name}.${ending}`;
      const bytes = readFileSync(join(folder, file));
      const about = describeField(scene, { name, file, background }, onto === undefined);
      written.add(journal.add({ name, file, byteCount: bytes.length, sum: crc32(bytes), ...about }));
      progress.update(++done, scenes);
    }
  } finally {
    journal.close();
  }
  return written;
}

function isWhole(folder: string, { file, byteCount, sum }: FieldRecord): boolean {
  const path = join(folder, file);
  if (!existsSync(path)) return false;
  const bytes = readFileSync(path);
  return bytes.length === byteCount && crc32(bytes) === sum;
}

const nameOf = (index: number) => `field-${String(index + 1).padStart(6, "0")}`;

function writeField(scene: Scene, path: string): void {
  const { sizePx, planes } = scene;
  const image = { widthPx: sizePx, heightPx: sizePx, planes: 3, data: planes };
  writeFitsImage(path, image, headerRecords(cardsOf(scene)));
}
