/** Surveys of the public sets, made once a work folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../src/base/errors.ts";
import { terminalProgress } from "../../src/base/progress.ts";
import { cropSmallGalaxies } from "../../src/stamps/choose-crop.ts";
import { createSurvey } from "../../src/survey/create.ts";
import { simulateSurvey } from "../../src/survey/simulate/index.ts";

/**
 * The folder of the survey `work`/`name`, made from the images in `data`/`name` where it is not there, cropped to each
 * galaxy, or as `survey create` would have it. Throws IMAGES_MISSING where there are no images.
 */
export async function publicSurvey(
  data: string,
  work: string,
  name: string,
  crop: "always" | "auto" = "always",
): Promise<string> {
  const out = join(work, name);
  const images = join(data, name);
  if (existsSync(join(out, "survey.json"))) return out;
  if (!existsSync(images))
    throw new SkyloopError("IMAGES_MISSING", `no folder ${images}; give the folder of the public sets with --data`);
  await createSurvey({
    out,
    images,
    adaptiveCrop: crop === "always" || cropSmallGalaxies,
    command: `recipe survey ${name}`,
    progress: terminalProgress(name, "images"),
  });
  return out;
}

/** Seed of the simulated galaxies whose parameters are learned: others than those that the encoders have seen (7 and 8). */
export const SIMULATED_SEED = 41;

/** The folder of a survey of `count` simulated galaxies in `work`, made where it is not there. */
export async function simulatedGalaxies(work: string, count: number): Promise<string> {
  const out = join(work, `simulated-${count}`);
  if (!existsSync(join(out, "survey.json")))
    await simulateSurvey(out, {
      count,
      seed: SIMULATED_SEED,
      progress: terminalProgress("simulating", "galaxies"),
      command: "recipe parameters-simulated",
    });
  return out;
}
