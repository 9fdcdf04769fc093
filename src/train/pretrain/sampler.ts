/** Which galaxies a pass sees: all surveys mixed, each as often as its weight says, decided by seed and pass alone. */
import { basename } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import type { ImageBank, Shards } from "../../batches/image-bank.ts";
import type { Recipe } from "./recipe.ts";

/** From which images batches are drawn, and how often those of each survey. */
export interface SamplerOptions {
  /** Which survey each image is of, [N]. */
  surveyOf: Uint16Array;
  /** How often a galaxy of each survey is seen while one of a survey of weight 1 is seen once. */
  weights: number[];
  batchSize: number;
  seed: number;
  /** The parts of the images, where each process holds some of them only. */
  shards?: Shards;
}

/** What a recipe's batches are drawn from. Throws BAD_RECIPE. */
export function samplingOf(
  { surveys, surveyWeights, batchSize, seed }: Pick<Recipe, "surveys" | "surveyWeights" | "batchSize" | "seed">,
  { surveyOf, shards }: Pick<ImageBank, "surveyOf" | "shards">,
): SamplerOptions {
  const weights = surveys.length === 0 ? [1] : weightsOf(surveys, surveyWeights);
  return { surveyOf, weights, batchSize, seed, shards };
}

/** The places of a batch that part `shard` of `count` fills: every `count`-th, as those of a process are. */
const placesOf = (batchSize: number, shard: number, count: number): number => Math.ceil((batchSize - shard) / count);

/**
 * Rows in random order without end, from every part alike where images are in parts. Any pass can be asked for: a
 * resumed run needs no state.
 */
export class Sampler {
  private readonly batchSize: number;
  private readonly streams: Stream[];

  constructor({ surveyOf, weights, batchSize, seed, shards }: SamplerOptions) {
    this.batchSize = batchSize;
    const random = new Random(seed);
    const all = Uint32Array.from(surveyOf.keys());
    this.streams =
      shards === undefined
        ? [new Stream(all, surveyOf, weights, batchSize, random)]
        : Array.from({ length: shards.count }, (_, shard) => {
            const own = all.filter((row) => shards.of[row] === shard);
            return new Stream(
              own,
              surveyOf,
              weights,
              placesOf(batchSize, shard, shards.count),
              random.fork(`shard ${shard}`),
            );
          });
  }

  /** Passes in an epoch; where images are in parts, of the part that is through first. */
  get perEpoch(): number {
    return Math.min(...this.streams.map(({ perEpoch }) => perEpoch));
  }

  /** The rows of pass `pass`, [batchSize]; place i is filled from part i modulo their number. */
  rows(pass: number): number[] {
    const of = this.streams.map((stream) => stream.rows(pass));
    return Array.from({ length: this.batchSize }, (_, place) => of[place % of.length][Math.floor(place / of.length)]);
  }
}

/**
 * Some of the rows in random order. In an epoch a survey of n galaxies and weight w has round(w n) places; they are
 * filled from permutations of its galaxies laid end to end, so that none is seen a second time before all others of its
 * survey were.
 */
class Stream {
  readonly perEpoch: number;
  private readonly members: Uint32Array[];
  private readonly places: number[];
  private readonly batchSize: number;
  private readonly random: Random;
  private epoch = -1;
  private order: Uint32Array = new Uint32Array(0);

  constructor(rows: Uint32Array, surveyOf: Uint16Array, weights: number[], batchSize: number, random: Random) {
    [this.batchSize, this.random] = [batchSize, random];
    this.members = weights.map((_, survey) => rows.filter((row) => surveyOf[row] === survey));
    this.places = this.members.map(({ length }, survey) => Math.round(weights[survey] * length));
    const total = this.places.reduce((sum, n) => sum + n, 0);
    this.perEpoch = Math.floor(total / batchSize);
    if (this.perEpoch < 1)
      throw new SkyloopError(
        "TOO_FEW_STAMPS",
        `${total} stamps do not fill a batch of ${batchSize}; give more surveys, a smaller batch or fewer shards`,
      );
  }

  /** The rows of pass `pass`, [batchSize]. */
  rows(pass: number): number[] {
    const epoch = Math.floor(pass / this.perEpoch);
    if (epoch !== this.epoch) {
      this.order = this.orderOf(epoch);
      this.epoch = epoch;
    }
    const at = (pass % this.perEpoch) * this.batchSize;
    return Array.from(this.order.subarray(at, at + this.batchSize));
  }

  private orderOf(epoch: number): Uint32Array {
    const all = this.places.flatMap((places, survey) => Array.from(this.stretchOf(survey, epoch * places, places)));
    return this.random.fork(`epoch ${epoch}`).shuffle(Uint32Array.from(all));
  }

  /** `length` rows of a survey's endless row of permutations, from place `from` on. */
  private stretchOf(survey: number, from: number, length: number): Uint32Array {
    const n = this.members[survey].length;
    const out = new Uint32Array(length);
    for (let done = 0; done < length; ) {
      const turn = Math.floor((from + done) / n);
      const order = this.random.fork(`survey ${survey} turn ${turn}`).shuffle(this.members[survey].slice());
      const begin = from + done - turn * n;
      const part = order.subarray(begin, Math.min(n, begin + length - done));
      out.set(part, done);
      done += part.length;
    }
    return out;
  }
}

/**
 * The weight of each survey folder by its name, 1 where none is given. Throws BAD_RECIPE for a name that no survey has.
 */
export function weightsOf(surveys: string[], given: Record<string, number>): number[] {
  const names = surveys.map((folder) => basename(folder));
  for (const name of Object.keys(given))
    if (!names.includes(name))
      throw new SkyloopError(
        "BAD_RECIPE",
        `surveyWeights names ${name}, which is not among the surveys (${names.join(", ")}); use the names of their folders`,
      );
  return names.map((name) => given[name] ?? 1);
}
