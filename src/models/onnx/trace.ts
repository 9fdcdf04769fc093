/**
 * What a function of tensors calls, as data: recorded at the one door, with the results of calls that do not depend on
 * the input as constants.
 */

import { noGrad, scope, Tensor } from "../../torch/index.ts";
import { observeHandles } from "../../torch/observe.ts";

/** A tensor that follows from the input, by its number in the recording. */
export interface Dynamic {
  dynamic: number;
}
/** A tensor that does not. */
export interface Constant {
  constant: number;
}

/** An argument as it was recorded: a tensor that depends on the input, a constant, a plain value, or a list of them. */
export type RecordedValue =
  | Dynamic
  | Constant
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | RecordedValue[];

/** One operator that ran while a model was traced; `result` is the number of the tensor it made, of `shape`. */
export interface RecordedCall {
  op: string;
  args: RecordedValue[];
  result: number;
  shape: number[];
}

/** The operators of one forward pass in order, and the constants (weights, masks) that they took. */
export interface Recording {
  calls: RecordedCall[];
  constants: { shape: number[]; data: Float32Array | BigInt64Array }[];
  /** The input is tensor 0; this one is the result. */
  output: number;
  outputShape: number[];
}

/** Runs `body` on `input` and records every call that depends on it. */
export function record(input: Tensor, body: (input: Tensor) => Tensor): Recording {
  const dynamic = new Map<unknown, number>([[input.handle, 0]]);
  const constants: Recording["constants"] = [];
  const known = new Map<unknown, number>();
  const calls: RecordedCall[] = [];
  let next = 1;
  return noGrad(() =>
    scope(() => {
      const take = (value: unknown): RecordedValue => {
        if (Array.isArray(value)) return value.map(take);
        if (typeof value !== "object" || value === null) return value as RecordedValue;
        const number = dynamic.get(value);
        if (number !== undefined) return { dynamic: number };
        let place = known.get(value);
        if (place === undefined) {
          const tensor = Tensor.again(value as Tensor["handle"]);
          const data =
            tensor.dtype === "int64" ? BigInt64Array.from(tensor.toIntegers(), BigInt) : tensor.toFloat32Array();
          place = constants.push({ shape: tensor.shape, data }) - 1;
          known.set(value, place);
        }
        return { constant: place };
      };
      const depends = (value: unknown): boolean => (Array.isArray(value) ? value.some(depends) : dynamic.has(value));
      let output: Tensor | null = null;
      observeHandles(
        (op, args, result) => {
          if (!depends(args)) return;
          const first = Array.isArray(result) ? result[0] : result;
          calls.push({ op, args: args.map(take), result: next, shape: Tensor.again(first as Tensor["handle"]).shape });
          dynamic.set(first, next++);
        },
        () => {
          output = body(input);
        },
      );
      const made = output as Tensor | null;
      const number = made === null ? undefined : dynamic.get(made.handle);
      if (made === null || number === undefined) throw new Error("what was recorded does not depend on its input");
      return { calls, constants, output: number, outputShape: made.shape };
    }),
  );
}
