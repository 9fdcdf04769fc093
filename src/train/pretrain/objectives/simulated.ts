/**
 * Supervision by simulated galaxies: from the pooled features linear heads tell the parameters that a galaxy was drawn
 * from (kind, spiral arms, bar, ring, inclination, Sersic index, bulge, merger, lens). The truth is exact, the data
 * unlimited, and no person labelled anything.
 */
import type { KnownColumns } from "../../../batches/image-bank.ts";
import { BATCH_NORM_EPS, BatchNorm, Linear, Module } from "../../../nn/index.ts";
import { bceWithLogits, cat, crossEntropy, op, type Tensor, tensor } from "../../../torch/index.ts";
import type { Objective, ObjectiveInput } from "./objective.ts";

/** Kinds of the simulation, in the order of the head's logits. */
export const GALAXY_KINDS = [
  "elliptical",
  "lenticular",
  "spiral",
  "barred_spiral",
  "ring",
  "edge_on",
  "irregular",
  "merger",
  "lens",
] as const;

const number = (value: KnownColumns[string]) => (typeof value === "number" ? value : null);
const stands = (value: KnownColumns[string]) => (typeof value === "number" ? 1 : 0);
const ratio = (a: KnownColumns[string], b: KnownColumns[string]) =>
  typeof a === "number" && typeof b === "number" && b > 0 ? a / b : null;

/** Yes or no. */
const FLAGS: Record<string, (truth: KnownColumns) => number> = {
  faceOn: (truth) => (truth.faceOnSpiral === true ? 1 : 0),
  arms: (truth) => stands(truth.armCount),
  twoArms: (truth) => (truth.armCount === 2 ? 1 : 0),
  bar: (truth) => stands(truth.barLengthArcsec),
  ring: (truth) => stands(truth.ringRadiusArcsec),
  disc: (truth) => (["elliptical", "lens", "irregular"].includes(String(truth.label)) ? 0 : 1),
};

/** Numbers with the mean and spread that bring them to unit size; null where the galaxy has none. */
const AMOUNTS: Record<string, { of: (truth: KnownColumns) => number | null; mean: number; spread: number }> = {
  axisRatio: { of: (truth) => number(truth.axisRatio), mean: 0.65, spread: 0.25 },
  bulgeToTotal: { of: (truth) => number(truth.bulgeToTotal), mean: 0.4, spread: 0.38 },
  sersicN: {
    of: (truth) => (["elliptical", "lens"].includes(String(truth.label)) ? number(truth.sersicN) : null),
    mean: 3.8,
    spread: 0.9,
  },
  bulgeSize: { of: (truth) => ratio(truth.bulgeRadiusArcsec, truth.halfLightRadiusArcsec), mean: 0.45, spread: 0.38 },
  pitch: { of: (truth) => number(truth.pitchAngleDeg), mean: 20, spread: 5.5 },
  armStrength: { of: (truth) => number(truth.armStrength), mean: 0.7, spread: 0.15 },
  flocculence: { of: (truth) => number(truth.flocculence), mean: 0.45, spread: 0.2 },
  barLength: { of: (truth) => ratio(truth.barLengthArcsec, truth.halfLightRadiusArcsec), mean: 0.8, spread: 0.15 },
  ringSize: { of: (truth) => ratio(truth.ringRadiusArcsec, truth.halfLightRadiusArcsec), mean: 1.25, spread: 0.2 },
  dust: {
    of: (truth) => (truth.label === "edge_on" || stands(truth.armCount) === 1 ? number(truth.dustStrength) : null),
    mean: 0.5,
    spread: 0.4,
  },
  separation: {
    of: (truth) => ratio(truth.companionSeparationArcsec, truth.halfLightRadiusArcsec),
    mean: 1.6,
    spread: 0.35,
  },
};

/** Share of each number's typical place (1 / 11 of them all) in the loss. */
const AMOUNTS_WEIGHT = 0.5;

/** Targets of galaxies with known truth: kind [n], flags [n, F], amounts [n, A] and which of them there are [n, A]. */
function targetsOf(known: KnownColumns[]) {
  const flags = Object.values(FLAGS);
  const amounts = Object.values(AMOUNTS);
  const values = known.flatMap((truth) => amounts.map(({ of, mean, spread }) => ((of(truth) ?? mean) - mean) / spread));
  const there = known.flatMap((truth) => amounts.map(({ of }) => (of(truth) === null ? 0 : 1)));
  const n = known.length;
  return {
    kind: tensor(
      known.map(({ label }) => GALAXY_KINDS.indexOf(label as (typeof GALAXY_KINDS)[number])),
      [n],
      "int64",
    ),
    flags: tensor(
      known.flatMap((truth) => flags.map((of) => of(truth))),
      [n, flags.length],
    ),
    amounts: tensor(values, [n, amounts.length]),
    there: tensor(there, [n, amounts.length]),
  };
}

/** Learns to tell the parameters of simulated galaxies from pooled features; real galaxies are passed over. */
export class SimulatedHead extends Module implements Objective {
  readonly norm: BatchNorm;
  readonly kind: Linear;
  readonly flags: Linear;
  readonly amounts: Linear;

  constructor(featureDim: number) {
    super();
    this.norm = new BatchNorm(featureDim);
    this.kind = new Linear(featureDim, GALAXY_KINDS.length);
    this.flags = new Linear(featureDim, Object.keys(FLAGS).length);
    this.amounts = new Linear(featureDim, Object.keys(AMOUNTS).length);
  }

  /** The loss of the step's simulated galaxies, both views of each; 0 where there is none. */
  loss(step: ObjectiveInput): { loss: Tensor; parts: Record<string, number> } {
    const B = step.truth.length;
    const rows = step.truth.flatMap((truth, i) => (truth === null ? [] : [i]));
    const features = step.features();
    if (rows.length === 0) return { loss: features.sum().mul(0), parts: { kind: 0, flags: 0, amounts: 0 } };
    const both = [...rows, ...rows.map((row) => row + B)];
    const known = rows.map((row) => step.truth[row] as KnownColumns);
    const targets = targetsOf([...known, ...known]);
    // Statistics over real and simulated galaxies together: features that tell the two apart do not tell the kind.
    const x = this.norm.forward(features).indexSelect(0, tensor(both, [both.length], "int64"));
    const kindLogits = this.kind.forward(x);
    const kind = crossEntropy(kindLogits, targets.kind);
    const flags = bceWithLogits(this.flags.forward(x), targets.flags);
    const misses = op("smooth_l1_loss", this.amounts.forward(x), targets.amounts, 0, 1).mul(targets.there);
    const amounts = misses.sum().div(Math.max(1, targets.there.sum().item()));
    const right = kindLogits.argmax(1).eq(targets.kind).to("float32").mean().item();
    return {
      loss: kind.add(flags).add(amounts.mul(AMOUNTS_WEIGHT)),
      parts: { kind: kind.item(), flags: flags.item(), amounts: amounts.item(), kindRight: right },
    };
  }

  /** Logits of kinds and flags, and amounts, [26, D]. */
  told(): Tensor {
    const { weight, running_var } = this.norm;
    const heads = [this.kind, this.flags, this.amounts];
    return cat(
      heads.map((head) => head.weight),
      0,
    ).mul(weight.div(running_var.add(BATCH_NORM_EPS).sqrt()));
  }
}
