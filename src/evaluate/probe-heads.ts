/** Classifiers of frozen features: nearest neighbours, a linear probe, and the learner of a session. */

import { type FeatureSpace, learn, standardised } from "../loop/learn.ts";
import { Linear } from "../nn/index.ts";
import { AdamW, crossEntropy, manualSeed, noGrad, normalize, scope, tensor, zeros } from "../torch/index.ts";

/** An object by its row, with the number of its class. */
export interface Sample {
  row: number;
  label: number;
}

/** Scores of the asked rows for each class, [rows, classes], learned from examples. */
export type Head = (
  space: FeatureSpace,
  examples: Sample[],
  rows: number[],
  classes: number,
  seed: number,
) => Float32Array;

/** Neighbours that vote, each with the exponential of its cosine over a temperature (Wu et al. 2018). */
const NEIGHBOURS = { k: 10, temperature: 0.1 } as const;

/** Nearest neighbours by cosine similarity of standardised features. */
const nearest: Head = (space, examples, rows, classes) =>
  noGrad(() =>
    scope(() => {
      const known = normalize(
        standardised(
          space,
          examples.map(({ row }) => row),
        ),
        1,
      );
      const k = Math.min(NEIGHBOURS.k, examples.length);
      const [values, places] = normalize(standardised(space, rows), 1).matmul(known.t()).topk(k);
      const [cosine, place] = [values.toFloat32Array(), places.toIntegers()];
      const out = new Float32Array(rows.length * classes);
      for (let i = 0; i < rows.length; i++)
        for (let j = 0; j < k; j++)
          out[i * classes + examples[place[i * k + j]].label] += Math.exp(cosine[i * k + j] / NEIGHBOURS.temperature);
      return out;
    }),
  );

/** Full-batch training of the logistic regression; weight decay against overfitting a few examples. */
const LINEAR = { steps: 150, learningRate: 3e-3, weightDecay: 0.3 } as const;

/** Logistic regression on standardised features: the linear probe. */
const linearProbe: Head = (space, examples, rows, classes, seed) => {
  manualSeed(seed);
  const layer = new Linear(space.dim, classes);
  scope(() => noGrad(() => layer.weight.copy_(zeros([classes, space.dim]))));
  const optimiser = new AdamW(layer.namedParameters(), LINEAR);
  const scores = scope(() => {
    const x = standardised(
      space,
      examples.map(({ row }) => row),
    );
    const y = tensor(
      examples.map(({ label }) => label),
      [examples.length],
      "int64",
    );
    for (let step = 0; step < LINEAR.steps; step++)
      scope(() => {
        optimiser.zeroGrad();
        crossEntropy(layer.forward(x), y).backward();
        optimiser.step();
      });
    return noGrad(() => layer.forward(standardised(space, rows)).softmax(1).toFloat32Array());
  });
  optimiser.dispose();
  layer.dispose();
  return scores;
};

/** The learner of the loop, one class against the others where there are more than two. */
const loopLearner: Head = (space, examples, rows, classes, seed) => {
  const out = new Float32Array(rows.length * classes);
  for (let label = classes === 2 ? 1 : 0; label < classes; label++) {
    const learner = learn(
      space,
      examples.map((example) => ({ row: example.row, positive: example.label === label })),
      seed,
    );
    const scores = learner.scoreRows(rows);
    learner.dispose();
    for (let i = 0; i < rows.length; i++) {
      out[i * classes + label] = scores[i];
      if (classes === 2) out[i * classes] = 1 - scores[i];
    }
  }
  return out;
};

/** The classifiers that a probe trains on frozen features. */
export const HEADS = { nearest, linear: linearProbe, loop: loopLearner } as const satisfies Record<string, Head>;

/** One of the classifiers of a probe, as `--heads` names it. */
export type HeadName = keyof typeof HEADS;
