/**
 * How far people agree on yes and no: Cohen's kappa with its interval, and the model of Dawid and Skene, which finds out
 * who errs how from nothing but their answers.
 */

/** Two people's answers to the same object; true is yes. */
export type Pair = readonly [boolean, boolean];

/** Share of equal answers, and kappa: what of it is beyond chance, with its 95 % interval. */
export interface Kappa {
  objects: number;
  agreement: number;
  kappa: number;
  low: number;
  high: number;
}

const Z_95 = 1.959963984540054;

/**
 * Cohen's kappa with the large-sample interval of Fleiss, Cohen and Everitt (Psychological Bulletin 72, 1969, 323). NaN
 * where both say the same one thing to everything, or there is nothing.
 */
export function cohenKappa(pairs: readonly Pair[]): Kappa {
  const n = pairs.length;
  const share = (a: boolean, b: boolean) => pairs.filter(([x, y]) => x === a && y === b).length / n;
  const p = [
    [share(false, false), share(false, true)],
    [share(true, false), share(true, true)],
  ];
  const row = p.map(([a, b]) => a + b);
  const column = [p[0][0] + p[1][0], p[0][1] + p[1][1]];
  const agreement = p[0][0] + p[1][1];
  const chance = row[0] * column[0] + row[1] * column[1];
  const kappa = (agreement - chance) / (1 - chance);
  const rest = 1 - kappa;
  let variance = -((kappa - chance * rest) ** 2);
  for (const i of [0, 1])
    for (const j of [0, 1])
      variance += p[i][j] * (i === j ? (1 - (row[i] + column[i]) * rest) ** 2 : rest ** 2 * (column[i] + row[j]) ** 2);
  const deviation = Math.sqrt(Math.max(0, variance) / n) / (1 - chance);
  return {
    objects: n,
    agreement,
    kappa,
    low: Math.max(-1, kappa - Z_95 * deviation),
    high: Math.min(1, kappa + Z_95 * deviation),
  };
}

/** One person's yes (true) or no to one object. */
export interface GivenAnswer {
  object: string;
  who: string;
  yes: boolean;
}

/** What the answers come to: how probable a yes is for each object, and how each person answers. */
export interface JudgedAnswers {
  probability: Map<string, number>;
  /** Share of true positives called yes, and of true negatives called no. */
  people: Map<string, { sensitivity: number; specificity: number }>;
}

const ITERATIONS = 50;
/** As if each person had been seen to be right so often, and wrong once, on either kind. */
const PRIOR = { right: 4, wrong: 1 };

/**
 * Dawid and Skene's model for two classes (Applied Statistics 28, 1979, 20) by expectation maximisation, begun with the
 * share of yes; a weak prior keeps people of few answers near 80 % right.
 */
export function dawidSkene(answers: readonly GivenAnswer[]): JudgedAnswers {
  const byObject = new Map<string, GivenAnswer[]>();
  for (const answer of answers) byObject.set(answer.object, [...(byObject.get(answer.object) ?? []), answer]);
  const probability = new Map(
    [...byObject].map(([object, list]) => [object, list.filter(({ yes }) => yes).length / list.length]),
  );
  const people = new Map<string, { sensitivity: number; specificity: number }>();
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const counts = new Map<string, [number, number, number, number]>();
    for (const { object, who, yes } of answers) {
      const p = probability.get(object) as number;
      const { right, wrong } = PRIOR;
      const count = counts.get(who) ?? [right, right + wrong, right, right + wrong];
      counts.set(who, count);
      count[0] += yes ? p : 0;
      count[1] += p;
      count[2] += yes ? 0 : 1 - p;
      count[3] += 1 - p;
    }
    for (const [who, [hits, positives, refusals, negatives]] of counts)
      people.set(who, { sensitivity: hits / positives, specificity: refusals / negatives });
    const prevalence = ([...probability.values()].reduce((sum, p) => sum + p, 0) + 1) / (probability.size + 2);
    for (const [object, list] of byObject) {
      let odds = Math.log(prevalence / (1 - prevalence));
      for (const { who, yes } of list) {
        const { sensitivity, specificity } = people.get(who) as { sensitivity: number; specificity: number };
        odds += yes ? Math.log(sensitivity / (1 - specificity)) : Math.log((1 - sensitivity) / specificity);
      }
      probability.set(object, 1 / (1 + Math.exp(-odds)));
    }
  }
  return { probability, people };
}
