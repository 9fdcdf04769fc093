/** A trained head of parameters: what it says of objects, how sure it is, and how it is kept on disk. */
import type { Progress } from "../../base/progress.ts";
import type { Predicted, PredictedColumn } from "../../store/predictions.ts";
import type { Survey } from "../../survey/folder.ts";
import { noGrad, ops, scope, type Tensor, tensor } from "../../torch/index.ts";
import { skyloopVersion } from "../card.ts";
import type { HeadCard, Packed } from "../task.ts";
import { type Anchor, turnedBack } from "./anchor.ts";
import { ensembleSays, intervalReach, outputPlaces, type Said } from "./ensemble.ts";
import { ParameterHead } from "./head.ts";
import { type InputPlan, readInputs, widthOf } from "./inputs.ts";
import { type SpreadScale, stretched } from "./intervals.ts";

/** The task's name. */
export const PARAMETERS_NAME = "parameters";

/** What a head knows of one of its parameters. */
export interface ParameterCard {
  name: string;
  unit?: string;
  circular: boolean;
  /** Range of the values learned from, and whether many lie at its ends, so that there can be none beyond. */
  least: number;
  greatest: number;
  bounded: [below: boolean, above: boolean];
  /** Null: too few held-out objects for intervals. */
  stretch: SpreadScale | null;
  /** Of an angle that is learned as its turn from a measured one. */
  anchor?: Anchor;
}

/** What is written beside the tensors of a head of parameters. */
export interface ParametersDetails extends Record<string, unknown> {
  plan: InputPlan;
  members: number;
  /** Normal distributions that each network says together; heads of before have 1. */
  components?: number;
  parameters: ParameterCard[];
  /** Objects learned from; farther from them (5th neighbour, standardised inputs) than `limit` is out of range. */
  reference: { limit: number };
}

/** A head with its card, and inputs [n, width] of some objects that it has learned from, standardised. */
export interface ParameterModel {
  head: ParameterHead;
  details: ParametersDetails;
  reference: Float32Array;
  trainedOn: { dataHash: string | null };
  made: Packed["made"];
}

/** Bits of the column x_flag. */
const PARAMETER_FLAGS = { FAR: 1, BEYOND: 2, NO_INTERVAL: 4, LACKING: 8 } as const;
const FLAGS_ABOUT =
  "1 far from all that was learned from, 2 interval reaches beyond the values learned from, 4 too few labels for an interval, 8 nothing measured or no features";
const FLAG_NAMES = ["far", "interval beyond what was learned", "no interval", "nothing measured"];

/** Neighbour whose distance says how far an object is from those learned from. */
export const REFERENCE_NEIGHBOUR = 5;
const BLOCK_ROWS = 1024;

/** Inputs [n, width] less the mean, by the deviation, of the head. */
export function standardisedInputs(head: ParameterHead, values: Float32Array): Float32Array {
  const width = head.shape.inputs;
  return noGrad(() =>
    scope(() =>
      tensor(values, [values.length / width, width])
        .sub(head.mean)
        .div(head.sd)
        .clamp(-10, 10)
        .toFloat32Array(),
    ),
  );
}

/** Distance of standardised inputs to their k-th neighbour in a reference, root mean square a column. */
export function distanceTo(reference: Float32Array, values: Float32Array, width: number, k: number): Float32Array {
  const [n, count] = [reference.length / width, values.length / width];
  const out = new Float32Array(count);
  if (n < k) return out;
  noGrad(() =>
    scope(() => {
      const others = tensor(reference, [n, width]);
      const square = others.mul(others).sum([1], false);
      for (let from = 0; from < count; from += BLOCK_ROWS) {
        const rows = Math.min(BLOCK_ROWS, count - from);
        const nearest = scope(() => {
          const x = tensor(values.subarray(from * width, (from + rows) * width), [rows, width]);
          const distance = square.sub(x.matmul(others.t()).mul(2)).add(x.mul(x).sum([1], true));
          return ops("topk", distance, k, 1, false, true)[0].toFloat32Array();
        });
        for (let i = 0; i < rows; i++) out[from + i] = Math.sqrt(Math.max(0, nearest[i * k + k - 1]) / width);
      }
    }),
  );
  return out;
}

/** Ends of the intervals that a table has, by the number of their level. */
const SHOWN_LEVELS = [
  [0, 68],
  [1, 90],
] as const;

function columnsOf({ name, unit, circular }: ParameterCard): PredictedColumn[] {
  const own = unit === undefined ? (circular ? { unit: "deg" } : {}) : { unit };
  return [
    { name, ...own, about: `${name}, predicted` },
    ...SHOWN_LEVELS.flatMap(([, share]) => [
      { name: `${name}_lo${share}`, ...own, about: `lower end of the interval that holds ${share} %` },
      { name: `${name}_hi${share}`, ...own, about: `upper end of the interval that holds ${share} %` },
    ]),
    { name: `${name}_flag`, about: FLAGS_ABOUT, ucd: "meta.code.qual", whole: true, bits: FLAG_NAMES },
  ];
}

/** The numbers of a parameter's columns for an object. */
function numbersOf(card: ParameterCard, said: Said, row: number, far: boolean, lacking: boolean): number[] {
  const { circular, least, greatest, bounded, stretch } = card;
  const clip = (value: number) =>
    circular ? value : Math.min(bounded[1] ? greatest : value, Math.max(bounded[0] ? least : value, value));
  const [mean, reach] = [said.mean[row], intervalReach(said)];
  let flag = (far ? PARAMETER_FLAGS.FAR : 0) | (lacking ? PARAMETER_FLAGS.LACKING : 0);
  if (stretch === null) flag |= PARAMETER_FLAGS.NO_INTERVAL;
  const ends = SHOWN_LEVELS.flatMap(([level]) => {
    if (stretch === null) return [Number.NaN, Number.NaN];
    const [below, above] = stretched(stretch, said.spread[row], level, reach(row, level));
    const [from, to] = [clip(mean - below), clip(mean + above)];
    if (!circular && (from < least || to > greatest)) flag |= PARAMETER_FLAGS.BEYOND;
    return [from, to];
  });
  return [clip(mean), ...ends, flag];
}

/**
 * What a head says of every object of a survey: for each parameter x the columns x, x_lo68, x_hi68, x_lo90, x_hi90,
 * x_flag. `heldOut` replaces what is said of objects that were learned from. Throws OTHER_WEIGHTS, BAD_HEAD.
 */
export async function predictParameters(
  model: ParameterModel,
  survey: Survey,
  progress: Progress,
  heldOut?: (said: Said, target: number) => void,
): Promise<Predicted> {
  const { head, details, reference } = model;
  const { plan, parameters, members, components = 1 } = details;
  const { values, width, lacking, anglesDeg } = await readInputs(survey, plan, progress);
  const all = Array.from({ length: survey.count }, (_, row) => row);
  const outputs = { values: head.say(values), objects: survey.count, members, components };
  const far = distanceTo(reference, standardisedInputs(head, values), width, REFERENCE_NEIGHBOUR);
  const columns = parameters.flatMap(columnsOf);
  const each = columns.length / parameters.length;
  const numbers = new Float32Array(survey.count * columns.length);
  for (const [k, place] of outputPlaces(parameters).entries()) {
    const { circular, anchor } = parameters[k];
    const said = turnedBack(ensembleSays(outputs, place, circular), anchor ?? null, anglesDeg, all);
    heldOut?.(said, k);
    for (let row = 0; row < survey.count; row++)
      numbers.set(
        numbersOf(parameters[k], said, row, far[row] > details.reference.limit, lacking[row] === 1),
        row * columns.length + k * each,
      );
  }
  return { columns, values: numbers, offsets: null };
}

/** What of a head goes into a file. */
export function packParameters({
  head,
  details,
  reference,
  trainedOn,
  made,
}: ParameterModel): Packed<ParametersDetails> {
  const width = widthOf(details.plan);
  const { features } = details.plan;
  return {
    tensors: { ...head.stateDict(), reference: tensor(reference, [reference.length / width, width]) },
    backbone: { name: features?.model ?? "none", weightsHash: features?.weightsHash ?? null },
    trainedOn,
    made: { ...made, skyloop: skyloopVersion() },
    details,
  };
}

/** A head from its card and tensors. */
export function openParameters(card: HeadCard<ParametersDetails>, tensors: Record<string, Tensor>): ParameterModel {
  const { details, trainedOn, made } = card;
  const { plan, parameters, members, components = 1 } = details;
  const outputs = parameters.reduce((sum, { circular }) => sum + (circular ? 2 : 1), 0);
  const head = new ParameterHead({ inputs: widthOf(plan), outputs, members, components });
  const { reference, ...state } = tensors;
  head.loadStateDict(state);
  head.eval();
  return { head, details, reference: reference.toFloat32Array(), trainedOn, made };
}
