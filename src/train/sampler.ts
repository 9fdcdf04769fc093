/** Which galaxies a pass sees: all surveys mixed, each as often as its weight says, decided by seed and pass alone. */
import { basename } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { Random } from "../base/random.ts";

export interface SamplerOptions {
  /** Which survey each image is of, [N]. */
  surveyOf: Uint16Array;
  /** How often a galaxy of each survey is seen while one of a survey of weight 1 is seen once. */
  weights: number[];
  batchSize: number;
  seed: number;
}

/**
 * Rows in random order without end. In an epoch a survey of n galaxies and weight w has round(w n) places; they are filled from permutations of its galaxies laid end
 * to end, so that none is seen a second time before all others of its survey were. Any pass can be asked for: a resumed run needs no state.
 */
export class Sampler {
  private readonly options: SamplerOptions;
  private readonly members: Uint32Array[];
  private readonly places: number[];
  private epoch = -1;
  private order: Uint32Array = new Uint32Array(0);

  constructor(options: SamplerOptions) {
    this.options = options;
    const { surveyOf, weights, batchSize } = options;
    this.members = weights.map((_, survey) => Uint32Array.from(surveyOf.keys()).filter((row) => surveyOf[row] === survey));
    this.places = this.members.map(({ length }, survey) => Math.round(weights[survey] * length));
    if (this.perEpoch < 1)
      throw new SkyloopError(
        "TOO_FEW_STAMPS",
        `${this.places.reduce((sum, n) => sum + n, 0)} stamps do not fill a batch of ${batchSize}; give more surveys or a smaller batch`,
      );
  }

  /** Passes in an epoch. */
  get perEpoch(): number {
    return Math.floor(this.places.reduce((sum, n) => sum + n, 0) / this.options.batchSize);
  }

  /** The rows of pass `pass`, [batchSize]. */
  rows(pass: number): number[] {
    const epoch = Math.floor(pass / this.perEpoch);
    if (epoch !== this.epoch) {
      this.order = this.orderOf(epoch);
      this.epoch = epoch;
    }
    const at = (pass % this.perEpoch) * this.options.batchSize;
    return Array.from(this.order.subarray(at, at + this.options.batchSize));
  }

  private orderOf(epoch: number): Uint32Array {
    const all = this.places.flatMap((places, survey) => Array.from(this.stretchOf(survey, epoch * places, places)));
    return new Random(this.options.seed).fork(`epoch ${epoch}`).shuffle(Uint32Array.from(all));
  }

  /** `length` rows of a survey's endless row of permutations, from place `from` on. */
  private stretchOf(survey: number, from: number, length: number): Uint32Array {
    const n = this.members[survey].length;
    const out = new Uint32Array(length);
    for (let done = 0; done < length; ) {
      const turn = Math.floor((from + done) / n);
      const order = new Random(this.options.seed).fork(`survey ${survey} turn ${turn}`).shuffle(this.members[survey].slice());
      const begin = from + done - turn * n;
      const part = order.subarray(begin, Math.min(n, begin + length - done));
      out.set(part, done);
      done += part.length;
    }
    return out;
  }
}

/** The weight of each survey folder by its name, 1 where none is given. Throws BAD_RECIPE for a name that no survey has. */
export function weightsOf(surveys: string[], given: Record<string, number>): number[] {
  const names = surveys.map((folder) => basename(folder));
  for (const name of Object.keys(given))
    if (!names.includes(name))
      throw new SkyloopError("BAD_RECIPE", `surveyWeights names ${name}, which is not among the surveys (${names.join(", ")}); use the names of their folders`);
  return names.map((name) => given[name] ?? 1);
}
