import type { Module } from "../../nn/index.ts";
import { noGrad, opInPlace, scope } from "../../torch/index.ts";

/**
 * Moves the running mean of the weights towards the trained ones: mean = decay mean + (1 - decay) weights, with a
 * shorter memory in the first steps so that initial weights are soon forgotten (Polyak & Juditsky 1992; exponential
 * form as in Tarvainen & Valpola 2017).
 */
export function moveAverage(average: Module, trained: Module, step: number, decay: number): void {
  const kept = Math.min(decay, (1 + step) / (10 + step));
  const from = trained.stateDict();
  noGrad(() =>
    scope(() => {
      for (const [name, mean] of average.namedTensors()) opInPlace("lerp_.Scalar", mean, from[name], 1 - kept);
    }),
  );
}
