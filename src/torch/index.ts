export { noGrad } from "./autograd.ts";
export {
  arange,
  cat,
  drawn,
  empty,
  ones,
  rand,
  randn,
  stack,
  tensor,
  tensorBytes,
  tensorFromBytes,
  where,
  zeros,
} from "./create.ts";
export { DEVICE_VARIABLE, device } from "./device.ts";
export { call, type DType, type TypedArray } from "./dispatch.ts";
export { type Group, type GroupPlace, joinGroup, placeFrom } from "./distributed.ts";
export * from "./ops.ts";
export { Adam, type AdamOptions, AdamW, clipGradNorm } from "./optim.ts";
export {
  aboutTorch,
  getPrecision,
  getThreads,
  hasBfloat16,
  liveTensors,
  manualSeed,
  PRECISIONS,
  type Precision,
  setPrecision,
  setThreads,
  trimMemory,
} from "./process.ts";
export { readSafetensors, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
export { keep, scope } from "./scope.ts";
export { type Operand, op, opInPlace, ops, Parameter, Tensor } from "./tensor.ts";
