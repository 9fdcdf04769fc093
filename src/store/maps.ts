/** Maps of a survey on disk, beside the features that they are of: float32 [count, 2] in catalogue order. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { readWhole, writeFileAtomic } from "../base/files.ts";

/** How features are laid out in two dimensions. */
export type MapMethod = "pca" | "umap";

/** Which map: how it was made, of the features of which model and weights. */
export interface MapKey {
  model: string;
  method: MapMethod;
  weightsHash: string;
}

const pathOf = (folder: string, { model, method, weightsHash }: MapKey) =>
  join(folder, "features", model, `map-${method}-${weightsHash.slice(0, 12)}.f32`);

/** A map computed before, [count, 2], or null. */
export function readMap(folder: string, key: MapKey, count: number): Buffer | null {
  const path = pathOf(folder, key);
  if (!existsSync(path)) return null;
  const bytes = readWhole(path);
  return bytes.length === count * 8 ? bytes : null;
}

/** Keeps a map [count, 2]. */
export function saveMap(folder: string, key: MapKey, points: Float32Array): void {
  const path = pathOf(folder, key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, new Uint8Array(points.buffer, points.byteOffset, points.byteLength));
}
