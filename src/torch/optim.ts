/** Optimisers, as torch.optim defines them. State is keyed by parameter name, so that it survives a checkpoint. */
import { noGrad } from "./autograd.ts";
import { keep, scope } from "./scope.ts";
import { op, opInPlace, type Parameter, type Tensor, tensor } from "./tensor.ts";

export interface AdamOptions {
  learningRate: number;
  beta1?: number;
  beta2?: number;
  eps?: number;
  /** Adam: added to the gradient (L2). AdamW: decoupled (Loshchilov & Hutter 2019). */
  weightDecay?: number;
  /** Parameters for which it is true are not decayed (biases and norms, by custom). */
  noDecay?: (name: string, parameter: Parameter) => boolean;
  /** What the learning rate is multiplied by for a parameter (a pre-trained encoder learns more slowly than its new head, by custom). */
  rateOf?: (name: string) => number;
}

/** Adam (Kingma & Ba 2015) with torch.optim.Adam's defaults. */
export class Adam {
  learningRate: number;
  protected readonly decoupled: boolean = false;
  private readonly options: Required<AdamOptions>;
  private readonly entries: { name: string; parameter: Parameter; mean: Tensor; square: Tensor; decay: number; rate: number }[];
  private steps = 0;

  constructor(parameters: Iterable<[string, Parameter]>, options: AdamOptions) {
    this.options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, noDecay: () => false, rateOf: () => 1, ...options };
    this.learningRate = options.learningRate;
    this.entries = Array.from(parameters, ([name, parameter]) => ({
      name,
      parameter,
      mean: keep(op("zeros_like", parameter)),
      square: keep(op("zeros_like", parameter)),
      decay: this.options.noDecay(name, parameter) ? 0 : this.options.weightDecay,
      rate: this.options.rateOf(name),
    }));
  }

  /** One update from the gradients collected since `zeroGrad`; parameters without one are left alone. */
  step(): void {
    this.steps++;
    const { beta1, beta2, eps } = this.options;
    const correction1 = 1 - beta1 ** this.steps;
    const correction2 = Math.sqrt(1 - beta2 ** this.steps);
    noGrad(() =>
      scope(() => {
        for (const { parameter, mean, square, decay, rate } of this.entries) {
          let grad = parameter.grad;
          if (grad === null) continue;
          const learningRate = this.learningRate * rate;
          if (decay !== 0 && this.decoupled) opInPlace("mul_.Scalar", parameter, 1 - learningRate * decay);
          else if (decay !== 0) grad = grad.add(parameter, decay);
          opInPlace("mul_.Scalar", mean, beta1);
          opInPlace("add_.Tensor", mean, grad, 1 - beta1);
          opInPlace("mul_.Scalar", square, beta2);
          opInPlace("addcmul_", square, grad, grad, 1 - beta2);
          const spread = square.sqrt();
          opInPlace("div_.Scalar", spread, correction2);
          opInPlace("add_.Scalar", spread, eps);
          opInPlace("addcdiv_", parameter, mean, spread, -learningRate / correction1);
        }
      }),
    );
  }

  zeroGrad(): void {
    for (const { parameter } of this.entries) parameter.setGrad(null);
  }

  /** Moments and the step count under `mean.<name>`, `square.<name>`, `steps`; belongs to the current scope. */
  stateDict(): Record<string, Tensor> {
    const state: Record<string, Tensor> = { steps: tensor([this.steps], [1], "float64") };
    for (const { name, mean, square } of this.entries) {
      state[`mean.${name}`] = mean;
      state[`square.${name}`] = square;
    }
    return state;
  }

  loadStateDict(state: Record<string, Tensor>): void {
    this.steps = state.steps.item();
    noGrad(() => {
      for (const { name, mean, square } of this.entries) {
        mean.copy_(state[`mean.${name}`]);
        square.copy_(state[`square.${name}`]);
      }
    });
  }

  dispose(): void {
    for (const { mean, square } of this.entries) {
      mean.dispose();
      square.dispose();
    }
  }
}

/** Adam with decoupled weight decay; torch.optim.AdamW's default decay of 0.01. */
export class AdamW extends Adam {
  protected override readonly decoupled = true;

  constructor(parameters: Iterable<[string, Parameter]>, options: AdamOptions) {
    super(parameters, { weightDecay: 0.01, ...options });
  }
}

/** Scales all gradients so that their common norm is at most `limit`; returns the norm before. */
export function clipGradNorm(parameters: Iterable<Parameter>, limit: number): number {
  return scope(() => {
    const grads = Array.from(parameters, (parameter) => parameter.grad).filter((grad) => grad !== null);
    const norm = Math.sqrt(grads.reduce((total, grad) => total + grad.norm().item() ** 2, 0));
    if (norm > limit) for (const grad of grads) opInPlace("mul_.Scalar", grad, limit / norm);
    return norm;
  });
}
