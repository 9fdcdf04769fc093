/** Trained heads of any task: files to models and back. */
import { SkyloopError } from "../base/errors.ts";
import { scope } from "../torch/index.ts";
import { readCard, readHead, writeHead } from "./card.ts";
import { TASKS } from "./index.ts";
import type { AnyTask, HeadCard, TaskTable } from "./task.ts";

/** Writes a trained model of a task. */
export function saveHead<Model>(path: string, task: Pick<AnyTask, "name" | "pack">, model: Model): void {
  scope(() => writeHead(path, task.name, task.pack(model)));
}

/**
 * The task of a file and its model, ready to be used. Throws BAD_HEAD for a file of a task that is not in the table, or
 * of none, HEAD_NEWER, FILE_UNREADABLE.
 */
export function loadHead(path: string, tasks: TaskTable = TASKS): { task: AnyTask; card: HeadCard; model: unknown } {
  const { card } = readCard(path);
  const task = tasks[card.task];
  if (task === undefined)
    throw new SkyloopError(
      "BAD_HEAD",
      `${path} holds a head of ${card.task}, a task that this version does not have; it has ${Object.keys(tasks).join(", ")}`,
    );
  return scope(() => {
    const { tensors, notes } = readHead(path, card.task);
    return { task, card, model: task.open(card, tensors, notes) };
  });
}
