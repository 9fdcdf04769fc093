/** Surveys of the public sets, made once a work folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../src/base/errors.ts";
import { terminalProgress } from "../../src/base/progress.ts";
import { cropSmallGalaxies } from "../../src/stamps/choose-crop.ts";
import { createSurvey } from "../../src/survey/create.ts";

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
