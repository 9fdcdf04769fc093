/** Every task by name. A new one is a file (or a folder) that exports a `Task`, and an entry here. */
import { CLASSIFY } from "./classify/task.ts";
import { RECONSTRUCT, RESTORE } from "./images/task.ts";
import { PARAMETERS } from "./parameters/task.ts";

/** What Skyloop can learn, in the order in which tasks that learn together take their turns. */
export const TASKS = {
  classify: CLASSIFY,
  restore: RESTORE,
  reconstruct: RECONSTRUCT,
  parameters: PARAMETERS,
} as const;
