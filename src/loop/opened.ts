/** A survey with what belongs to it: its sessions and what was computed of it. */
import { type Artefacts, openArtefacts } from "../store/artefacts.ts";
import { openStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { openSurvey, type Survey } from "../survey/folder.ts";
import { withComputed } from "./computed-columns.ts";

/** An open survey with its computed columns, its sessions, and what was computed of both. */
export interface OpenedSurvey {
  survey: Survey;
  store: Store;
  artefacts: Artefacts;
}

/** Opens a survey folder, its sessions and its artefacts; `closeOpened` gives them back. Throws what those throw. */
export async function openWithSessions(folder: string): Promise<OpenedSurvey> {
  const survey = withComputed(await openSurvey(folder));
  try {
    return { survey, store: await openStore(folder), artefacts: openArtefacts(folder) };
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
