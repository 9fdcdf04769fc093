/** How a session's rounds went, on disk: `loop/<session>.assess.json`. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readWhole, writeFileAtomic } from "../base/files.ts";
import { Assessment } from "../contract/insight.ts";

const pathOf = (folder: string, session: string) => join(folder, "loop", `${session}.assess.json`);

/** The assessments of a session's rounds, oldest first. A file that cannot be read counts as none. */
export function readAssessments(folder: string, session: string): Assessment[] {
  const path = pathOf(folder, session);
  if (!existsSync(path)) return [];
  try {
    const parsed = z.array(Assessment).safeParse(JSON.parse(readWhole(path).toString("utf8")));
    return parsed.success ? parsed.data : [];
  } catch {
    return [];
  }
}

/** Adds an assessment, in place of one of the same round. */
export function saveAssessment(folder: string, session: string, assessment: Assessment): void {
  mkdirSync(join(folder, "loop"), { recursive: true });
  const others = readAssessments(folder, session).filter(({ round }) => round < assessment.round);
  writeFileAtomic(pathOf(folder, session), `${JSON.stringify([...others, assessment])}\n`);
}
