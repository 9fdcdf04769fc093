/** From nothing, or a folder of images, to a survey with features. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { terminalProgress } from "../base/progress.ts";
import { DEFAULT_MODEL } from "../models/index.ts";
import { embedSurvey } from "../tasks/embed/embed.ts";

/** What `skyloop start` was asked to serve: images of the user, an existing survey, or the demo. */
export interface PrepareOptions {
  images?: string;
  survey?: string;
  count: number;
  seed: number;
  model?: string;
}

/** Makes what is missing and says what it does; what is there already is used again. Returns the survey's folder. */
export async function prepareSurvey({
  images,
  survey,
  count,
  seed,
  model = DEFAULT_MODEL,
}: PrepareOptions): Promise<string> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const folder = resolve(survey ?? join("surveys", images === undefined ? "demo" : basename(resolve(images))));
  if (existsSync(join(folder, "survey.json")))
    say(
      `Using the survey in ${folder}${images === undefined ? "" : ` (images added to ${images} since are not in it; delete the folder to read them again)`}.`,
    );
  else if (existsSync(folder))
    throw new SkyloopError("SURVEY_MISSING", `${folder} exists but is no survey; choose another place with --survey`);
  else if (images === undefined) {
    say(`Making the demo survey: ${count} simulated galaxies (seed ${seed}) in ${folder}`);
    const { simulateSurvey } = await import("../survey/simulate/index.ts");
    await simulateSurvey(folder, {
      count,
      seed,
      progress: terminalProgress("simulating", "galaxies"),
      command: `start --count ${count} --seed ${seed}`,
    });
  } else {
    say(`Reading the images of ${images} into ${folder}`);
    const { createSurvey } = await import("../survey/create.ts");
    const header = await createSurvey({
      out: folder,
      images,
      adaptiveCrop: true,
      command: `start --images ${images}`,
      progress: terminalProgress("reading images", "images"),
    });
    const { surveySummary } = await import("../survey/describe.ts");
    const { problems } = await surveySummary(folder);
    const refused = problems.filter(({ kept }) => !kept).reduce((sum, problem) => sum + problem.count, 0);
    say(
      `${header.count} stamps taken in${refused > 0 ? `; ${refused} files or rows were not: \`skyloop survey info ${folder}\` says which and why` : ""}.`,
    );
  }
  await embedSurvey(folder, { model, progress: terminalProgress(`features of ${model}`, "stamps") });
  return folder;
}
