/** What people said of a folder's detections in a session, for whoever teaches a detector by it. */
import { SkyloopError } from "../base/errors.ts";
import type { Verdicts } from "../contract/detection.ts";
import { openSessions } from "../store/open.ts";
import { foldNow } from "./folds.ts";
import { storedSurvey } from "./opened.ts";
import { findSession } from "./session.ts";

/**
 * The verdicts named `DIR:SESSION`; `checkCandidates`: whether it asks what is real. Throws BAD_OPTION, SURVEY_MISSING,
 * SESSION_UNKNOWN, and what the store throws.
 */
export async function verdictsNamed(text: string): Promise<Verdicts & { checkCandidates: boolean }> {
  const at = text.lastIndexOf(":");
  if (at <= 0 || at === text.length - 1)
    throw new SkyloopError(
      "BAD_OPTION",
      `--also is DIR:SESSION, a folder of detections and the name of a session in it (see \`skyloop loop list DIR\`), not ${text}`,
    );
  const [folder, session] = [text.slice(0, at), text.slice(at + 1)];
  const store = await openSessions(folder, storedSurvey(folder));
  try {
    const record = await findSession(store, session);
    const { labels, boxes } = await foldNow(store, record);
    const said = Object.entries(labels).map(([object, { value }]) => [object, value] as const);
    return {
      folder,
      checkCandidates: record.prior !== undefined,
      labels: Object.fromEntries(said),
      boxes: { ...boxes },
    };
  } finally {
    await store.close();
  }
}
