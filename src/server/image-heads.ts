/** The heads of tasks that make pictures, which a server was started with, and what they make of an object. */
import { basename, dirname } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import type { ImageHead } from "../contract/predictions.ts";
import { readCard } from "../tasks/card.ts";
import { TASKS } from "../tasks/index.ts";
import type { TaskTable } from "../tasks/task.ts";

/** A head that improves pictures, with its file. */
export interface ImageHeadFile extends ImageHead {
  path: string;
}

/**
 * What the files are, from their notes alone; a head is called after its file, or after its folder where the file is
 * `head` or `model`. Throws BAD_HEAD, FILE_UNREADABLE, SAME_NAME.
 */
export function describeHeads(paths: string[], tasks: TaskTable = TASKS): ImageHeadFile[] {
  const heads = paths.map((path): ImageHeadFile => {
    const { card } = readCard(path);
    const task = tasks[card.task];
    if (task?.picture === undefined) {
      const names = Object.values(tasks).filter(({ picture }) => picture !== undefined);
      throw new SkyloopError(
        "BAD_HEAD",
        `${path} holds a head of ${card.task}, which makes no pictures; the page shows those of ${names.map(({ name }) => name).join(", ")}`,
      );
    }
    const refusal = task.pictureRefusal?.(card.details, path) ?? null;
    if (refusal !== null) throw new SkyloopError("BAD_HEAD", refusal);
    const file = basename(path).replace(/\.safetensors$/, "");
    return {
      name: ["head", "model"].includes(file) ? basename(dirname(path)) : file,
      task: card.task,
      caption: task.pictureCaption ?? task.name,
      model: card.backbone.name,
      path,
    };
  });
  const twice = heads.find(({ name }, i) => heads.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined)
    throw new SkyloopError("SAME_NAME", `two heads are called ${twice.name}; rename one of the files`);
  return heads;
}
