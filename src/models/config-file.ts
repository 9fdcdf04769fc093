/** A network's configuration from JSON with the golden file's keys (SUNet's and the authors' names). */
import { z } from "zod";
import { SkyloopError } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import type { SwinUnetConfig } from "./swin-unet.ts";

/** Golden files hold every value as text. */
const numeric = z.union([z.number(), z.string().transform(Number)]).pipe(z.number());
const list = z
  .union([z.array(z.number()), z.string().transform((text) => JSON.parse(text) as unknown)])
  .pipe(z.array(z.int().positive()).min(2));

const ConfigFile = z.object({
  embed_dim: numeric.pipe(z.int().positive()),
  depths: list,
  num_heads: list,
  img_size: numeric.pipe(z.int().positive()).default(128),
  patch_size: numeric.pipe(z.literal(4)).default(4),
  window_size: numeric.pipe(z.int().positive()).default(8),
  mlp_ratio: numeric.default(4),
  qk_scale: z.union([z.null(), numeric]).default(null),
  drop_path: numeric.default(0),
});

/** Reads a configuration. Throws BAD_CONFIG naming the key. */
export function readConfig(path: string): SwinUnetConfig {
  const parsed = ConfigFile.safeParse(readJson(path));
  if (!parsed.success)
    throw new SkyloopError("BAD_CONFIG", `${path}: ${z.prettifyError(parsed.error).replaceAll("\n", "; ")}`);
  const {
    embed_dim: embedDim,
    depths,
    num_heads: heads,
    img_size: imageSize,
    window_size: window,
    mlp_ratio: mlpRatio,
    qk_scale: qkScale,
    drop_path: dropPath,
  } = parsed.data;
  if (depths.length !== heads.length)
    throw new SkyloopError(
      "BAD_CONFIG",
      `${path}: depths has ${depths.length} stages, num_heads ${heads.length}; give one number a stage to each`,
    );
  const uneven = heads.findIndex((count, stage) => (embedDim * 2 ** stage) % count !== 0);
  if (uneven >= 0)
    throw new SkyloopError(
      "BAD_CONFIG",
      `${path}: ${heads[uneven]} heads do not divide the width ${embedDim * 2 ** uneven} of stage ${uneven}; choose a divisor`,
    );
  return { imageSize, patchSize: 4, embedDim, depths, heads, window, mlpRatio, qkScale, dropPath, channels: 3 };
}
