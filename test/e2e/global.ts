/** Made once for all browser tests: a small simulated survey with toy features in which face-on spirals lie apart. */
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { smallSurvey, temporaryFolder, writeToyFeatures } from "../fixtures/surveys.ts";

const COUNT = 150;

/** A page of other sources fails tests, or passes them, for what is no longer there. Throws. */
async function refuseStalePage(): Promise<void> {
  const stamps = (await import(join(PACKAGE_ROOT, "scripts/stamps.mjs"))) as { isPageFresh(): boolean };
  if (!stamps.isPageFresh())
    throw new Error(
      "web/dist is not the page of web/: run `npm run setup` (or `npx vite build`), then the tests again",
    );
}

export default async function setup(project: TestProject): Promise<() => void> {
  await refuseStalePage();
  const folder = temporaryFolder();
  const path = await smallSurvey(folder.path, COUNT, "small");
  const survey = await openSurvey(path);
  writeToyFeatures(
    path,
    survey.header.dataHash,
    survey.rows.map((row) => row.columns.faceOnSpiral === true),
  );
  survey.close();
  project.provide("survey", join(folder.path, "small"));
  return folder.remove;
}

declare module "vitest" {
  export interface ProvidedContext {
    survey: string;
  }
}
