/** Training the networks of a head of parameters, each without the fold of objects that it is to be judged by. */
import { Random } from "../../base/random.ts";
import { gaussianLoss, mixtureLoss, ParameterHead } from "../../tasks/parameters/head.ts";
import { componentsOf, type NumberTarget, outputsOf } from "../../tasks/parameters/targets.ts";
import { keep, manualSeed, noGrad, scope, tensor } from "../../torch/index.ts";
import { ScheduledOptimiser } from "../optimiser.ts";

/** How a head of parameters is trained. */
export interface EnsembleOptions {
  /** Networks a target. */
  members: number;
  /** Normal distributions that a network says of an object together; 1 unless given. */
  components?: number;
  steps: number;
  batchSize: number;
  learningRate: number;
  weightDecay: number;
  seed: number;
}

/** Standardised targets beyond are brought to here. */
const MOST_SIGMAS = 10;

/** Settings of `train parameters` without options. */
export const DEFAULT_ENSEMBLE: EnsembleOptions = {
  members: 5,
  steps: 500,
  batchSize: 128,
  learningRate: 2e-3,
  weightDecay: 0.1,
  seed: 1,
};

/** Objects to learn from: inputs [N, width], and targets [N, outputs] with NaN where there is no value. */
export interface EnsembleData {
  inputs: Float32Array;
  width: number;
  targets: Float32Array;
  outputs: number;
}

/** Targets of some rows as a head learns them, [rows, outputs]: angles as two components. */
export function targetMatrix(targets: readonly NumberTarget[], rows: readonly number[]): Float32Array {
  const outputs = targets.reduce((sum, target) => sum + outputsOf(target), 0);
  const out = new Float32Array(rows.length * outputs);
  for (const [i, row] of rows.entries())
    out.set(
      targets.flatMap(({ values, circular }) => (circular ? componentsOf(values[row]) : [values[row]])),
      i * outputs,
    );
  return out;
}

/** The fold of each of N objects, 0 to before `members`, drawn by the seed. */
export function foldsOf(N: number, { members, seed }: Pick<EnsembleOptions, "members" | "seed">): Int32Array {
  const order = new Random(seed).fork("folds").sample(N, N);
  const folds = new Int32Array(N);
  for (const [place, i] of order.entries()) folds[i] = place % members;
  return folds;
}

/** A trained head. Network m has not learned from objects of fold m. The same data, options and threads, the same head. */
export function trainEnsemble(data: EnsembleData, folds: Int32Array, options: EnsembleOptions): ParameterHead {
  const { inputs, width, targets, outputs } = data;
  const { members, components = 1, seed, steps, batchSize } = options;
  const N = inputs.length / width;
  manualSeed(seed);
  const head = new ParameterHead({ inputs: width, outputs, members, components });
  head.standardise(inputs, targets);
  const networks = outputs * members;
  const [shift, scale] = noGrad(() => [head.shift.toFloat32Array(), head.scale.toFloat32Array()]);
  const [wanted, weights] = [new Float32Array(networks * N), new Float32Array(networks * N)];
  for (let network = 0; network < networks; network++) {
    const output = Math.floor(network / members);
    for (let i = 0; i < N; i++) {
      const value = targets[i * outputs + output];
      if (!Number.isFinite(value)) continue;
      // One absurd value must not be all that is learned.
      const standard = (value - shift[output]) / scale[output];
      wanted[network * N + i] = Math.min(MOST_SIGMAS, Math.max(-MOST_SIGMAS, standard));
      weights[network * N + i] = folds[i] === network % members ? 0 : 1;
    }
  }
  const [x, y, w] = scope(() => [
    keep(tensor(inputs, [N, width])),
    keep(tensor(wanted, [networks, N])),
    keep(tensor(weights, [networks, N])),
  ]);
  const optimiser = new ScheduledOptimiser([...head.namedParameters()], {
    ...options,
    warmupSteps: Math.min(50, Math.round(steps / 10)),
    clipNorm: 5,
  });
  const random = new Random(seed).fork("batches");
  head.train();
  for (let step = 0; step < steps; step++) {
    optimiser.begin(step);
    scope(() => {
      const part = [...random.sample(N, Math.min(batchSize, N))];
      const index = tensor(part, [part.length], "int64");
      const said = head.forward(x.indexSelect(0, index));
      const [wantedOf, weightOf] = [y.indexSelect(1, index), w.indexSelect(1, index)];
      const loss =
        components === 1 ? gaussianLoss(said, wantedOf, weightOf) : mixtureLoss(said, components, wantedOf, weightOf);
      loss.backward();
    });
    optimiser.finish();
  }
  head.eval();
  optimiser.dispose();
  for (const one of [x, y, w]) one.dispose();
  return head;
}
