/** The optimiser of every training: AdamW with warm-up, a cosine, clipped gradients, and no decay where none belongs. */
import { AdamW, clipGradNorm, type Parameter } from "../torch/index.ts";
import { warmupCosine } from "./schedule.ts";

/** Rate, decay, and by what a parameter's rate is multiplied. */
export interface RateSettings {
  learningRate: number;
  weightDecay: number;
  rateOf?: (name: string) => number;
}

/** AdamW in which biases and norms, all that has fewer than two dimensions, do not decay. */
function adamW(parameters: Iterable<[string, Parameter]>, { learningRate, weightDecay, rateOf }: RateSettings) {
  return new AdamW([...parameters], {
    learningRate,
    weightDecay,
    noDecay: (_, { shape }) => shape.length < 2,
    ...(rateOf === undefined ? {} : { rateOf }),
  });
}

/** A schedule; gradients longer than `clipNorm` are shortened. */
export interface ScheduleSettings extends RateSettings {
  steps: number;
  /** "cosine", unless given: warm-up, then a cosine to nothing at the last step. */
  rate?: "cosine" | "constant";
  warmupSteps: number;
  clipNorm: number;
}

/** AdamW on a schedule. `begin` each step, compute gradients, `finish` it. */
export class ScheduledOptimiser {
  readonly adam: AdamW;
  readonly #parameters: Parameter[];
  readonly #settings: ScheduleSettings;

  constructor(parameters: [string, Parameter][], settings: ScheduleSettings) {
    this.adam = adamW(parameters, settings);
    this.#parameters = parameters.map(([, parameter]) => parameter);
    this.#settings = settings;
  }

  /** Sets the rate of step `step` (from 0) and forgets gradients. */
  begin(step: number): void {
    const { steps, rate, warmupSteps, learningRate } = this.#settings;
    this.adam.learningRate = rate === "constant" ? learningRate : warmupCosine(step, steps, warmupSteps, learningRate);
    this.adam.zeroGrad();
  }

  /** Clips the gradients and moves the parameters. Returns the gradients' length before they were clipped. */
  finish(): number {
    const length = clipGradNorm(this.#parameters, this.#settings.clipNorm);
    this.adam.step();
    return length;
  }

  dispose(): void {
    this.adam.zeroGrad();
    this.adam.dispose();
  }
}
