/** Made once for all browser tests: a small simulated survey with toy features in which face-on spirals lie apart. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { featuredSurvey, temporaryFolder } from "../fixtures/surveys.ts";

const COUNT = 150;

/** A page of other sources fails tests, or passes them, for what is no longer there. Throws. */
async function refuseStalePage(): Promise<void> {
  const stamps = (await import(join(PACKAGE_ROOT, "scripts/stamps.mjs"))) as { isPageFresh(): boolean };
  if (!stamps.isPageFresh())
    throw new Error(
      "web/dist is not the page of web/: run `npm run setup` (or `npx vite build`), then the tests again",
    );
}

/** Names the survey's folder, for the project that comes second. */
const SURVEY = "SKYLOOP_E2E_SURVEY";

export default async function setup(project: TestProject): Promise<() => void> {
  const made = process.env[SURVEY];
  if (made !== undefined && existsSync(made)) {
    project.provide("survey", made);
    return () => {};
  }
  await refuseStalePage();
  const folder = temporaryFolder();
  const survey = await featuredSurvey(folder.path, COUNT, (_, { faceOnSpiral }) => faceOnSpiral === true);
  process.env[SURVEY] = survey;
  project.provide("survey", survey);
  return folder.remove;
}

declare module "vitest" {
  export interface ProvidedContext {
    survey: string;
  }
}
