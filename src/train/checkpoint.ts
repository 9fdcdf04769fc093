import { existsSync } from "node:fs";
import { SkyloopError } from "../base/errors.ts";
import type { Module } from "../nn/index.ts";
import { type Adam, readSafetensors, scope, type Tensor, writeSafetensors } from "../torch/index.ts";

/**
 * The state of a training run, from which it resumes exactly. There is no random state: every step draws from seed and
 * step number.
 */
export interface Trained {
  modules: Record<string, Module>;
  optimiser: Adam;
}

/** Writes modules, optimiser and `notes` (step, recipe hash, …) to one file, which appears whole or not at all. */
export function saveCheckpoint(path: string, { modules, optimiser }: Trained, notes: Record<string, string>): void {
  scope(() => {
    const state: Record<string, Tensor> = {};
    for (const [name, module] of Object.entries(modules))
      for (const [key, tensor] of module.namedTensors()) state[`${name}.${key}`] = tensor;
    for (const [key, tensor] of Object.entries(optimiser.stateDict())) state[`optimiser.${key}`] = tensor;
    writeSafetensors(path, state, notes);
  });
}

/**
 * Restores what `saveCheckpoint` wrote and returns its notes, or null where there is no checkpoint. Throws
 * OTHER_RECIPE.
 */
export function loadCheckpoint(
  path: string,
  { modules, optimiser }: Trained,
  recipeHash: string,
): Record<string, string> | null {
  if (!existsSync(path)) return null;
  return scope(() => {
    const { tensors, metadata } = readSafetensors(path);
    if (metadata.recipeHash !== recipeHash)
      throw new SkyloopError(
        "OTHER_RECIPE",
        `${path} was made by another recipe or other data; train into another folder (--out) or delete this one`,
      );
    const under = (name: string) =>
      Object.fromEntries(
        Object.entries(tensors).flatMap(([key, tensor]) =>
          key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), tensor]] : [],
        ),
      );
    for (const [name, module] of Object.entries(modules)) module.loadStateDict(under(name));
    optimiser.loadStateDict(under("optimiser"));
    return metadata;
  });
}
