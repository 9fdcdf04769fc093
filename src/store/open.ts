/**
 * Where a survey's sessions are: in the database that DATABASE_URL names, else in SQLite beside the survey, or elsewhere
 * where that may only be read (`stateFolder`).
 */
import { openStore } from "./sqlite.ts";
import { makeState, stateFolder } from "./state.ts";
import type { Store, StoredSurvey } from "./store.ts";

/** The address in DATABASE_URL; null where none is set. */
export const databaseUrl = (): string | null => process.env.DATABASE_URL || null;

/** Opens the sessions of the survey in `folder`. Throws what the drivers throw. */
export async function openSessions(folder: string, survey: StoredSurvey): Promise<Store> {
  const url = databaseUrl();
  if (url === null) {
    const state = stateFolder(folder, survey);
    makeState(folder, state);
    return openStore(state);
  }
  const { openPostgres } = await import("./postgres.ts");
  return openPostgres(url, survey);
}
