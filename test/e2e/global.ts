/** Made once for all browser tests: a small simulated survey with toy features in which face-on spirals lie apart. */
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { openSurvey } from "../../src/survey/folder.ts";
import { smallSurvey, temporaryFolder, writeToyFeatures } from "../fixtures/surveys.ts";

const COUNT = 150;

export default async function setup(project: TestProject): Promise<() => void> {
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
