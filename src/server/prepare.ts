/** From nothing, or a folder of images, to a survey, and to its features while it is served. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { setPriority } from "node:os";
import { basename, join, resolve } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { BACKGROUND } from "../base/priority.ts";
import { SILENT, terminalProgress } from "../base/progress.ts";
import { keepWhatFits } from "../loop/keep.ts";
import { listFeatures } from "../store/features.ts";
import { addImages, isSurveyOf } from "../survey/add.ts";

/** What `skyloop start` was asked to serve: images of the user, an existing survey, or the demo. */
export interface PrepareOptions {
  images?: string;
  survey?: string;
  count: number;
  seed: number;
}

/** Makes what is missing and says what it does; what is there already is used again. Returns the survey's folder. */
export async function prepareSurvey({ images, survey, count, seed }: PrepareOptions): Promise<string> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const folder = resolve(survey ?? (images === undefined ? join("surveys", "demo") : await placeFor(images)));
  if (existsSync(join(folder, "survey.json"))) {
    say(`Using the survey in ${folder}.`);
    if (images !== undefined) await addNewImages(folder, images, say);
  } else if (existsSync(folder))
    throw new SkyloopError("SURVEY_MISSING", `${folder} exists but is no survey; choose another place with --survey`);
  else if (images === undefined) {
    say(`Making the demo survey: ${count} simulated galaxies (seed ${seed}) in ${folder}`);
    const { simulateSurvey } = await import("../survey/simulate/index.ts");
    await simulateSurvey(folder, {
      count,
      seed,
      // Their stamps are drawn when somebody looks, so that the page is there at once.
      keep: "none",
      progress: SILENT,
      command: `start --count ${count} --seed ${seed}`,
    });
  } else {
    say(`Reading the images of ${images} into ${folder}`);
    const [{ createSurvey }, { cropSmallGalaxies }] = await Promise.all([
      import("../survey/create.ts"),
      import("../stamps/choose-crop.ts"),
    ]);
    const header = await createSurvey({
      out: folder,
      images,
      adaptiveCrop: cropSmallGalaxies,
      command: `start --images ${images}`,
      progress: terminalProgress("reading images", "images"),
    });
    const { surveySummary } = await import("../survey/describe.ts");
    const { problems } = await surveySummary(folder);
    const refused = problems.filter(({ kept }) => !kept).reduce((sum, problem) => sum + problem.count, 0);
    say(
      `${header.count} stamps taken in, ${header.adaptiveCrop ? "cropped to the galaxy for models" : "seen whole by models"}${refused > 0 ? `; ${refused} files or rows were not: \`skyloop survey info ${folder}\` says which and why` : ""}.`,
    );
  }
  return folder;
}

/** A command of Skyloop in a process of its own, at low priority: pictures and clicks go first. It ends with this one. */
export function inBackground(args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin", "skyloop"), ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  child.once("spawn", () => {
    try {
      setPriority(child.pid as number, BACKGROUND);
    } catch {
      // It ended at once, which its exit tells.
    }
  });
  const end = () => void child.kill();
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  return child;
}

/**
 * Computes what is missing of a survey's features in the background, while the page is served. It says on the terminal
 * how far it is. Null where all features are there.
 */
export function growFeatures(folder: string, model: string): ChildProcess | null {
  const found = listFeatures(folder).find((set) => set.model === model);
  if (found !== undefined && found.done === found.total) return null;
  const child = inBackground(["embed", folder, "--model", model]);
  child.once("exit", (code) => {
    if (code !== 0 && code !== null)
      process.stderr.write(
        `The features were not finished (see above); the page stays, and \`skyloop embed ${folder} --model ${model}\` goes on with them.\n`,
      );
  });
  return child;
}

/** Where the survey of a folder of images is or will be: one that is of other images of the same name keeps its place. */
async function placeFor(images: string): Promise<string> {
  const name = basename(resolve(images));
  for (let n = 1; ; n++) {
    const folder = join("surveys", n === 1 ? name : `${name}-${n}`);
    if (!existsSync(folder) || (existsSync(join(folder, "survey.json")) && (await isSurveyOf(folder, images))))
      return folder;
  }
}

/** Takes in what was put into the folder of images since. Throws SURVEY_EXISTS where the survey is of another folder. */
async function addNewImages(folder: string, images: string, say: (text: string) => void): Promise<void> {
  if (!(await isSurveyOf(folder, images)))
    throw new SkyloopError(
      "SURVEY_EXISTS",
      `${folder} is a survey of other images; choose another place with --survey, or add those of ${images} to it with \`skyloop survey add ${folder} --images ${images}\``,
    );
  const progress = terminalProgress("reading new images", "images");
  const command = `start --images ${images}`;
  const { added } = await addImages({ to: folder, images, keeping: keepWhatFits(), command, progress });
  if (added > 0) say(`${added} new images of ${images} taken in; labels stay as they are.`);
}
