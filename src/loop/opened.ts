/** A survey with what belongs to it: its sessions and what was computed of it. */
import { basename, resolve } from "node:path";
import { type Artefacts, openArtefacts } from "../store/artefacts.ts";
import { openSessions } from "../store/open.ts";
import { stateFolder } from "../store/state.ts";
import type { Store, StoredSurvey } from "../store/store.ts";
import { openSurvey, readSurveyHeader, type Survey } from "../survey/folder.ts";
import { withComputed } from "./computed-columns.ts";

/** An open survey with its computed columns, its sessions, and what was computed of both. */
export interface OpenedSurvey {
  survey: Survey;
  store: Store;
  artefacts: Artefacts;
}

/** What a survey folder is known by in a database of many. Throws SURVEY_MISSING, SURVEY_BROKEN. */
export function storedSurvey(folder: string): StoredSurvey {
  const { dataHash, formerHashes = [] } = readSurveyHeader(folder);
  return { name: basename(resolve(folder)), dataHash, formerHashes };
}

/** What was computed of a survey and its sessions, wherever it is kept. Throws as `storedSurvey`. */
export const artefactsOf = (folder: string): Artefacts =>
  openArtefacts(folder, stateFolder(folder, storedSurvey(folder)));

/**
 * Opens a survey folder, its sessions and its artefacts; `closeOpened` gives them back. `open`: how much of the catalogue
 * is read. Throws what those throw.
 */
export async function openWithSessions(folder: string, open = openSurvey): Promise<OpenedSurvey> {
  const survey = withComputed(await open(folder));
  try {
    return { survey, store: await openSessions(folder, storedSurvey(folder)), artefacts: artefactsOf(folder) };
  } catch (error) {
    survey.close();
    throw error;
  }
}

/** Gives survey files and database back to the system; neither can be used after. */
export async function closeOpened({ survey, store }: Pick<OpenedSurvey, "survey" | "store">): Promise<void> {
  survey.close();
  await store.close();
}
