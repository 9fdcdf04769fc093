/**
 * A larger encoder that begins as a smaller one that has learned: what both have is taken over, what is new changes
 * nothing yet. Further training starts from what the small one knows (the idea of Chen et al. 2016, "Net2Net"; here
 * with layer normalisation and residual streams in mind).
 */
import { SkyloopError } from "../base/errors.ts";
import { noGrad, type Parameter, readSafetensors, scope, tensor } from "../torch/index.ts";
import { createModel, loadWeights } from "./index.ts";
import { isDecoderName, type SwinUnet, type SwinUnetConfig } from "./swin-unet.ts";

/** For each place of the larger axis, its place in the smaller one, or -1 where it is new. */
type Places = number[];

/**
 * Axes whose leading places are the smaller one's, `repeats` times one after another (queries, keys and values;
 * neighbours that are merged).
 */
const leading = (large: number, small: number, repeats = 1): Places =>
  Array.from({ length: large * repeats }, (_, i) =>
    i % large < small ? Math.floor(i / large) * small + (i % large) : -1,
  );

/**
 * The rows of a table of relative positions, (2 window - 1)^2 of them: the smaller table is the middle of the larger
 * one.
 */
function middle(large: number, small: number): Places {
  const [L, S] = [Math.sqrt(large), Math.sqrt(small)];
  const margin = (L - S) / 2;
  const at = (i: number) => (i >= margin && i < margin + S ? i - margin : -1);
  return Array.from({ length: large }, (_, i) => {
    const [y, x] = [at(Math.floor(i / L)), at(i % L)];
    return y < 0 || x < 0 ? -1 : y * S + x;
  });
}

interface Growth {
  rows: Places;
  columns?: Places;
  /** New rows: as they were initialised, the mean of the smaller one's rows, or a number. */
  newRows: "initial" | "mean" | number;
  /** New columns of rows that are not new. */
  newColumns?: "initial" | 0;
  /** What the smaller one's numbers are multiplied by. */
  times?: number;
}

/**
 * How a parameter grows. The new channels of a residual stream hold the mean of the others: a layer normalisation then
 * has the same mean, a variance that is smaller by the ratio of the widths, and finds nothing in the new channels, so
 * that what reads them may begin at random. What else is new begins at random and is read with weights of zero.
 */
function growthOf(name: string, large: SwinUnetConfig, small: SwinUnetConfig): Growth {
  const stage = Number(/^layers\.(\d+)\./.exec(name)?.[1] ?? 0);
  const [wide, narrow] = [large.embedDim * 2 ** stage, small.embedDim * 2 ** stage];
  const stream = leading(wide, narrow);
  const normalised = { newRows: 1, times: Math.sqrt(narrow / wide) };
  if (name.startsWith("conv_first.")) return { rows: stream, columns: [0, 1, 2], newRows: "initial" };
  if (name.startsWith("patch_embed.proj.")) return { rows: stream, columns: stream, newRows: "mean", newColumns: 0 };
  if (name === "patch_embed.norm.bias") return { rows: stream, newRows: "mean" };
  if (name === "norm.weight" || name === "norm.bias") {
    const last = 2 ** (large.depths.length - 1);
    return { rows: leading(wide * last, narrow * last), ...(name === "norm.weight" ? normalised : { newRows: 0 }) };
  }
  if (name.endsWith("downsample.norm.weight")) return { rows: leading(wide, narrow, 4), ...normalised };
  if (name.endsWith("downsample.norm.bias")) return { rows: leading(wide, narrow, 4), newRows: 0 };
  if (name.endsWith("downsample.reduction.weight"))
    return { rows: leading(2 * wide, 2 * narrow), columns: leading(wide, narrow, 4), newRows: "mean", newColumns: 0 };
  if (/norm\d?\.weight$/.test(name)) return { rows: stream, ...normalised };
  if (/norm\d\.bias$/.test(name)) return { rows: stream, newRows: 0 };
  if (name.includes(".attn.qkv."))
    return { rows: leading(wide, narrow, 3), columns: stream, newRows: "initial", newColumns: "initial" };
  if (name.includes(".attn.proj.")) return { rows: stream, columns: stream, newRows: "mean", newColumns: 0 };
  if (name.includes(".mlp.fc1."))
    return {
      rows: leading(wide * large.mlpRatio, narrow * small.mlpRatio),
      columns: stream,
      newRows: "initial",
      newColumns: "initial",
    };
  if (name.includes(".mlp.fc2."))
    return {
      rows: stream,
      columns: leading(wide * large.mlpRatio, narrow * small.mlpRatio),
      newRows: "mean",
      newColumns: 0,
    };
  return { rows: leading(large.heads[stage], small.heads[stage]), newRows: "initial" };
}

/**
 * Takes the values of `source` over into `target`, rows first, then columns, then what lies behind them (a kernel's
 * pixels), which both have alike.
 */
function take(
  target: Parameter,
  source: Parameter,
  { rows, columns = [0], newRows, newColumns = 0, times = 1 }: Growth,
): void {
  const [to, from] = [target.toFloat32Array(), source.toFloat32Array()];
  const few = source.shape[0];
  const [behind, behindFrom] = [to.length / rows.length / columns.length, from.length / few];
  const narrow = behindFrom / behind;
  const old = (row: number, column: number, k: number) => times * from[row * behindFrom + column * behind + k];
  // Every new row holds the same.
  const means = new Map<number, number>();
  const mean = (column: number, k: number) => {
    const place = column * behind + k;
    let found = means.get(place);
    if (found === undefined) {
      found = 0;
      for (let row = 0; row < few; row++) found += old(row, column, k);
      found /= few;
      means.set(place, found);
    }
    return found;
  };
  if (columns.filter((place) => place >= 0).length !== narrow)
    throw new Error(`columns do not fit: ${source.shape} into ${target.shape}`);
  for (const [r, row] of rows.entries())
    for (const [c, column] of columns.entries())
      for (let k = 0; k < behind; k++) {
        const at = (r * columns.length + c) * behind + k;
        if (row < 0 && newRows === "initial") continue;
        if (column < 0) to[at] = newColumns === "initial" && row >= 0 ? to[at] : 0;
        else if (row >= 0) to[at] = old(row, column, k);
        else to[at] = newRows === "mean" ? mean(column, k) : Number(newRows);
      }
  target.copy_(tensor(to, target.shape));
}

/**
 * Gives the encoder of `model`, newly made, what `learned` knows: on images no larger than those `learned` is made for
 * it then finds the same maps in the first channels of each stage, but for rounding and a small difference by the
 * normalisation of patches; larger images fall into other windows. Blocks that the smaller one lacks begin as if they
 * were not there. The decoder keeps its initial weights. Throws CANNOT_GROW where `learned` is not smaller in every
 * measure or cuts images, windows or heads in another way.
 */
export function growFrom(model: SwinUnet, learned: SwinUnet): void {
  const [large, small] = [model.config, learned.config];
  const headWidths = ({ embedDim, heads }: SwinUnetConfig) =>
    heads.map((count, stage) => (embedDim * 2 ** stage) / count);
  const alike =
    large.depths.length === small.depths.length &&
    small.depths.every((depth, stage) => depth <= large.depths[stage]) &&
    small.embedDim <= large.embedDim &&
    headWidths(small).join() === headWidths(large).join() &&
    small.mlpRatio === large.mlpRatio &&
    small.window === large.window &&
    small.imageSize <= large.imageSize &&
    small.qkScale === large.qkScale;
  if (!alike)
    throw new SkyloopError(
      "CANNOT_GROW",
      "this network does not grow into that one: it must have as many stages, no more blocks and channels in any, and heads, windows and feed-forward layers of the same size; begin from initial weights instead",
    );
  const known = new Map(learned.namedParameters());
  noGrad(() =>
    scope(() => {
      for (const [name, parameter] of model.namedParameters()) {
        if (isDecoderName(name) || name.startsWith("prelu.")) continue;
        const source = known.get(name);
        if (source === undefined) {
          // A block of its own: what it would add to its input is nothing.
          if (/\.(attn\.proj|mlp\.fc2)\./.test(name)) parameter.copy_(parameter.mul(0));
          continue;
        }
        const growth = growthOf(name, large, small);
        if (name.endsWith("relative_position_bias_table"))
          take(parameter, source, {
            rows: middle(parameter.shape[0], source.shape[0]),
            columns: growth.rows,
            newRows: "initial",
            newColumns: "initial",
          });
        else take(parameter, source, parameter.shape.length === 1 ? { ...growth, columns: undefined } : growth);
      }
    }),
  );
}

/** `growFrom` with the weights in a file, which names its model. */
export function growFromWeights(model: SwinUnet, path: string): void {
  const { model: name } = scope(() => readSafetensors(path, () => false).metadata);
  if (name === undefined)
    throw new SkyloopError(
      "CANNOT_GROW",
      `${path} does not say of which model it is; give weights that \`skyloop pretrain\` wrote`,
    );
  const learned = createModel(name);
  try {
    loadWeights(learned, path);
    growFrom(model, learned);
  } finally {
    learned.dispose();
  }
}
