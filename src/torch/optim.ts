/** Optimisers, as torch.optim defines them. State is keyed by parameter name, so that it survives a checkpoint. */
import { noGrad } from "./autograd.ts";
import { stack, tensor } from "./create.ts";
import { keep, scope } from "./scope.ts";
import { op, opInPlace, ops, type Parameter, type Tensor } from "./tensor.ts";

/** Settings of Adam and AdamW (Kingma & Ba 2015); PyTorch's defaults where they are not given. */
export interface AdamOptions {
  learningRate: number;
  beta1?: number;
  beta2?: number;
  eps?: number;
  /** Adam: added to the gradient (L2). AdamW: decoupled (Loshchilov & Hutter 2019). */
  weightDecay?: number;
  /** Parameters for which it is true are not decayed (biases and norms, by custom). */
  noDecay?: (name: string, parameter: Parameter) => boolean;
  /**
   * What the learning rate is multiplied by for a parameter (a pre-trained encoder learns more slowly than its new
   * head, by custom).
   */
  rateOf?: (name: string) => number;
}

interface Moments {
  mean: Tensor;
  square: Tensor;
}

interface Entry {
  parameter: Parameter;
  decay: number;
}

/** Zeros of the parameter's shape, kept until they are disposed. */
function newMoments(parameter: Parameter): Moments {
  return { mean: keep(op("zeros_like", parameter)), square: keep(op("zeros_like", parameter)) };
}

/** The numbers that one step of Adam needs, the same for every parameter. */
export interface AdamStep {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** 1 - beta1^steps and sqrt(1 - beta2^steps). */
  correction1: number;
  correction2: number;
  decoupled: boolean;
}

/**
 * One parameter's update as a composition of ATen's operators, for devices without our own one (native/operators/optimise.cc),
 * which is tested against it.
 */
export function composedAdamStep(
  { parameter, mean, square, decay, grad: plain }: Entry & Moments & { grad: Tensor },
  by: AdamStep,
): void {
  let grad = plain;
  if (decay !== 0 && by.decoupled) opInPlace("mul_.Scalar", parameter, 1 - by.learningRate * decay);
  else if (decay !== 0) grad = grad.add(parameter, decay);
  opInPlace("mul_.Scalar", mean, by.beta1);
  opInPlace("add_.Tensor", mean, grad, 1 - by.beta1);
  opInPlace("mul_.Scalar", square, by.beta2);
  opInPlace("addcmul_", square, grad, grad, 1 - by.beta2);
  const spread = square.sqrt();
  opInPlace("div_.Scalar", spread, by.correction2);
  opInPlace("add_.Scalar", spread, by.eps);
  opInPlace("addcdiv_", parameter, mean, spread, -by.learningRate / by.correction1);
}

/** Adam (Kingma & Ba 2015) with torch.optim.Adam's defaults. */
export class Adam {
  learningRate: number;
  protected readonly decoupled: boolean = false;
  private readonly options: Required<AdamOptions>;
  /** Only parameters that ever had a gradient take memory for moments. */
  private readonly entries: (Entry & { name: string; rate: number; moments: Moments | null })[];
  private steps = 0;

  constructor(parameters: Iterable<[string, Parameter]>, options: AdamOptions) {
    this.options = {
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: 0,
      noDecay: () => false,
      rateOf: () => 1,
      ...options,
    };
    this.learningRate = options.learningRate;
    this.entries = Array.from(parameters, ([name, parameter]) => ({
      name,
      parameter,
      decay: this.options.noDecay(name, parameter) ? 0 : this.options.weightDecay,
      rate: this.options.rateOf(name),
      moments: null,
    }));
  }

  /** One update from the gradients collected since `zeroGrad`; parameters without one are left alone. */
  step(): void {
    this.steps++;
    const { beta1, beta2, eps } = this.options;
    const by = {
      learningRate: this.learningRate,
      beta1,
      beta2,
      eps,
      correction1: 1 - beta1 ** this.steps,
      correction2: Math.sqrt(1 - beta2 ** this.steps),
      decoupled: this.decoupled,
    };
    noGrad(() =>
      scope(() => {
        const moved = this.entries.flatMap((entry) => {
          const { grad } = entry.parameter;
          if (grad === null) return [];
          entry.moments ??= newMoments(entry.parameter);
          return [{ ...entry, ...entry.moments, grad }];
        });
        for (const rate of new Set(moved.map((entry) => entry.rate))) {
          const paced = { ...by, learningRate: by.learningRate * rate };
          const group = moved.filter((entry) => entry.rate === rate);
          const together: typeof group = [];
          for (const entry of group) {
            if (entry.parameter.device === "cpu") together.push(entry);
            else composedAdamStep(entry, paced);
          }
          if (together.length > 0)
            opInPlace(
              "skyloop::adam_step",
              together.map(({ parameter }) => parameter),
              together.map(({ grad }) => grad),
              together.map(({ mean }) => mean),
              together.map(({ square }) => square),
              together.map(({ decay }) => decay),
              paced.learningRate,
              paced.beta1,
              paced.beta2,
              paced.eps,
              paced.correction1,
              paced.correction2,
              paced.decoupled,
            );
        }
      }),
    );
  }

  zeroGrad(): void {
    for (const { parameter } of this.entries) parameter.setGrad(null);
  }

  /**
   * The step count (`steps`) and, of parameters that had a gradient, moments under `mean.<name>` and `square.<name>`;
   * belongs to the current scope.
   */
  stateDict(): Record<string, Tensor> {
    const state: Record<string, Tensor> = { steps: tensor([this.steps], [1], "float64") };
    for (const { name, moments } of this.entries) {
      if (moments === null) continue;
      state[`mean.${name}`] = moments.mean;
      state[`square.${name}`] = moments.square;
    }
    return state;
  }

  loadStateDict(state: Record<string, Tensor>): void {
    this.steps = state.steps.item();
    noGrad(() => {
      for (const entry of this.entries) {
        if (!(`mean.${entry.name}` in state)) continue;
        entry.moments ??= newMoments(entry.parameter);
        entry.moments.mean.copy_(state[`mean.${entry.name}`]);
        entry.moments.square.copy_(state[`square.${entry.name}`]);
      }
    });
  }

  dispose(): void {
    for (const { moments } of this.entries) {
      moments?.mean.dispose();
      moments?.square.dispose();
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
    if (grads.length === 0) return 0;
    // Squares are summed in double precision.
    const norm = stack(ops("_foreach_norm.Scalar", grads, 2))
      .to("float64")
      .norm()
      .item();
    if (norm > limit) opInPlace("_foreach_mul_.Scalar", grads, limit / norm);
    return norm;
  });
}
