/** A survey's features: every stamp through a frozen encoder, block by block, resumable. */
import { setImmediate } from "node:timers/promises";
import { SkyloopError } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Progress } from "../../base/progress.ts";
import { loadBlocks } from "../../batches/loader.ts";
import type { Pooling } from "../../models/feature-pooling.ts";
import { loadModel, releasedWeights } from "../../models/index.ts";
import { type FeatureHeader, type Features, listFeatures, openFeatures, writeFeatures } from "../../store/features.ts";
import { openSurvey } from "../../survey/folder.ts";
import { noGrad, type Precision, scope, setPrecision, tensor } from "../../torch/index.ts";

const BLOCK_ROWS = 256;
type FeatureShard = NonNullable<FeatureHeader["shard"]>;
const BATCH = 32;

/** Which encoder computes features, with which weights and reading, under which name. */
export interface EmbedOptions {
  model: string;
  /** Weights other than the released ones. */
  weights?: string;
  /** Name of the feature set; the model's unless given. */
  name?: string;
  /** Another pooling than the one the weights were trained with. */
  pooling?: Pooling;
  /**
   * Of products. bfloat16 is faster where the processor has it, and its features differ from float32's by less than 0.5
   * %.
   */
  precision?: Precision;
  /** Only this part of the objects, from 1; written apart, for `joinShards`. */
  shard?: { part: number; of: number };
  progress: Progress;
  signal?: AbortSignal;
}

/**
 * Computes what is missing of a survey's features. Stamps that cannot be read get zeros and are logged. Throws
 * WEIGHTS_MISSING, OTHER_WEIGHTS, LOCKED, DISK_FULL, PRECISION_MISSING.
 */
export async function embedSurvey(folder: string, options: EmbedOptions): Promise<{ computed: number; total: number }> {
  const survey = await openSurvey(folder);
  const { dataHash } = survey.header;
  const { from: first, count, shard } = rowsOf(survey.count, options.shard);
  survey.close();
  const changes = options.pooling === undefined ? {} : { pooling: options.pooling };
  const { model, reader, weightsHash } = await loadModel(
    options.model,
    options.weights ?? releasedWeights(options.model),
    changes,
  );
  const { dim, sizePx } = reader;
  let computed = 0;
  let writer: ReturnType<typeof writeFeatures> | null = null;
  try {
    // First of all, so that a processor without such products leaves no folder.
    setPrecision(options.precision ?? "float32");
    const into = writeFeatures(folder, {
      model: options.name ?? options.model,
      weightsHash,
      dataHash,
      dim,
      count,
      blockRows: BLOCK_ROWS,
      ...(shard === undefined ? {} : { shard }),
      ...(options.precision === "bfloat16" ? { precision: options.precision } : {}),
    });
    writer = into;
    const todo = Array.from({ length: into.blocks }, (_, block) => block).filter((block) => !into.finished(block));
    const ranges = todo.map((block) => ({
      from: first + block * BLOCK_ROWS,
      to: first + Math.min(count, (block + 1) * BLOCK_ROWS),
    }));
    const before = count - ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    for await (const { from, pixels, failed } of loadBlocks(folder, sizePx, ranges)) {
      for (const { index, message } of failed)
        log.warn(
          { survey: folder, object: survey.row(index).id, message },
          "stamp cannot be read; its features are zero",
        );
      const rows = pixels.length / (3 * sizePx * sizePx);
      const block = new Float32Array(rows * dim);
      for (let at = 0; at < rows; at += BATCH) {
        const n = Math.min(BATCH, rows - at);
        const batch = pixels.subarray(at * 3 * sizePx * sizePx, (at + n) * 3 * sizePx * sizePx);
        noGrad(() =>
          scope(() =>
            reader.of(tensor(batch, [n, 3, sizePx, sizePx])).copyTo(block.subarray(at * dim, (at + n) * dim)),
          ),
        );
        // Lets decoded blocks and signals arrive between batches.
        await setImmediate();
      }
      for (const { index } of failed) block.fill(0, (index - from) * dim, (index - from + 1) * dim);
      into.write((from - first) / BLOCK_ROWS, block);
      computed += rows;
      options.progress.update(before + computed, count);
      if (options.signal?.aborted) break;
    }
  } finally {
    setPrecision("float32");
    writer?.close();
    reader.dispose();
    model.dispose();
    options.progress.end();
  }
  return { computed, total: count };
}

/** The rows of a part, whole blocks of the survey: all parts have them in the blocks that one run would. */
function rowsOf(total: number, shard: EmbedOptions["shard"]): { from: number; count: number; shard?: FeatureShard } {
  if (shard === undefined) return { from: 0, count: total };
  const blocks = Math.ceil(total / BLOCK_ROWS);
  const { part, of } = shard;
  if (!(Number.isInteger(part) && Number.isInteger(of) && part >= 1 && part <= of && of <= blocks))
    throw new SkyloopError(
      "BAD_OPTION",
      `--shard is PART/OF with PART from 1 to OF, and OF at most ${blocks} (blocks of ${BLOCK_ROWS} objects), not ${part}/${of}`,
    );
  const at = (n: number) => Math.min(total, Math.floor((n * blocks) / of) * BLOCK_ROWS);
  const from = at(part - 1);
  return { from, count: at(part) - from, shard: { part, of, from } };
}

/** A survey's features, computed first where they are missing. */
export async function featuresFor(
  folder: string,
  model: string,
  name: string,
  progress: Progress,
  weights?: string,
): Promise<Features> {
  const found = listFeatures(folder).find((set) => set.model === name);
  if (found === undefined || found.done < found.total) await embedSurvey(folder, { model, name, progress, weights });
  return openFeatures(folder, name);
}
