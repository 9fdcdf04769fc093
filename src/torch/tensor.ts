/**
 * Tensors: handles of libtorch tensors with the operators that our models use as methods. Semantics, broadcasting and
 * names are PyTorch's. Every tensor belongs to the `scope` it was made in (scope.ts) and is freed with it.
 */
import {
  call,
  DTYPE_CODE,
  type DType,
  dtypeName,
  type Handle,
  type NativeValue,
  native,
  type TypedArray,
  torchError,
} from "./dispatch.ts";
import { keep, own } from "./scope.ts";

/** What operators accept where ATen takes a tensor or a number. */
export type Operand = Tensor | number;

/** A libtorch tensor. The enclosing `scope` frees it, or `dispose`; operators are methods, named as in PyTorch. */
export class Tensor {
  #handle: Handle;

  constructor(handle: Handle) {
    this.#handle = handle;
    own(this);
  }

  /** A second owner of the tensor of a handle. */
  static again(handle: Handle): Tensor {
    return new Tensor(native.alias(handle));
  }

  get handle(): Handle {
    return this.#handle;
  }

  get shape(): number[] {
    return native.shape(this.handle);
  }
  get dtype(): DType | "other" {
    return dtypeName(native.dtype(this.handle));
  }
  get device(): string {
    return native.device(this.handle);
  }
  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((product, n) => product * n, 1);
  }

  /**
   * Puts another tensor's data into this object, giving both old handles up; for moving a module to another type or
   * device.
   */
  become(other: Tensor): void {
    if (other === this) return;
    const wanted = this.requiresGrad;
    native.free(this.#handle);
    this.#handle = native.alias(other.handle);
    other.dispose();
    if (wanted) this.setRequiresGrad(true);
  }

  /** Frees the memory now instead of at the end of the scope. Harmless when repeated. */
  dispose(): void {
    native.free(this.handle);
  }

  // ---- values out
  /** The only element as a number. */
  item(): number {
    try {
      return Number(native.item(this.handle));
    } catch (cause) {
      throw torchError(`item(${this.dtype}[${this.shape.join(", ")}])`, cause);
    }
  }
  /** Elements in row-major order, converted to float32. */
  toFloat32Array(): Float32Array {
    const out = new Float32Array(this.size);
    this.copyTo(out);
    return out;
  }
  toFloat64Array(): Float64Array {
    const out = new Float64Array(this.size);
    this.copyTo(out);
    return out;
  }
  /** Elements as 64-bit integers turned into numbers. */
  toIntegers(): number[] {
    const wide = this.to("int64");
    const out = new BigInt64Array(this.size);
    native.copyTo(wide.handle, out);
    if (wide !== this) wide.dispose();
    return Array.from(out, Number);
  }
  /** Writes the elements into an array of the same length, converting to its type. */
  copyTo(out: Float32Array | Float64Array): void {
    const converted = this.to(out instanceof Float64Array ? "float64" : "float32");
    try {
      native.copyTo(converted.handle, out);
    } catch (cause) {
      throw torchError(`copyTo(${this.dtype}[${this.shape.join(", ")}])`, cause);
    } finally {
      if (converted !== this) converted.dispose();
    }
  }
  /**
   * Overwrites this contiguous tensor's memory with an array of the same bytes; for buffers that are refilled batch
   * after batch.
   */
  fill(data: TypedArray): void {
    if (this.device === "cpu") {
      native.copyFrom(this.handle, data);
      return;
    }
    const here = new Tensor(native.fromArray(data, this.shape, native.dtype(this.handle)));
    this.copy_(here);
    here.dispose();
  }

  // ---- autograd
  get requiresGrad(): boolean {
    return native.requiresGrad(this.handle);
  }
  setRequiresGrad(on: boolean): this {
    native.setRequiresGrad(this.handle, on);
    return this;
  }
  /** The gradient collected by `backward`, or null; belongs to the current scope as a second handle. */
  get grad(): Tensor | null {
    const handle = native.grad(this.handle);
    return handle === null ? null : new Tensor(handle);
  }
  setGrad(grad: Tensor | null): void {
    native.setGrad(this.handle, grad === null ? null : grad.handle);
  }
  /** Adds d this / d leaf to the `grad` of every leaf. `gradient` is needed unless this is a scalar. */
  backward(gradient: Tensor | null = null, keepGraph = false): void {
    try {
      native.backward(this.handle, gradient === null ? null : gradient.handle, keepGraph);
    } catch (cause) {
      throw torchError(`backward(${this.dtype}[${this.shape.join(", ")}])`, cause);
    }
  }
  detach(): Tensor {
    return op("detach", this);
  }
  /** This tensor's data as a parameter that no scope frees; this handle is given up. */
  asParameter(): Parameter {
    const parameter = new Parameter(this);
    this.dispose();
    return parameter;
  }

  // ---- arithmetic
  add(other: Operand, alpha = 1): Tensor {
    return typeof other === "number" ? op("add.Scalar", this, other * alpha) : op("add.Tensor", this, other, alpha);
  }
  sub(other: Operand): Tensor {
    return op(typeof other === "number" ? "sub.Scalar" : "sub.Tensor", this, other);
  }
  mul(other: Operand): Tensor {
    return op(typeof other === "number" ? "mul.Scalar" : "mul.Tensor", this, other);
  }
  div(other: Operand): Tensor {
    return op(typeof other === "number" ? "div.Scalar" : "div.Tensor", this, other);
  }
  pow(exponent: number): Tensor {
    return op("pow.Tensor_Scalar", this, exponent);
  }
  neg(): Tensor {
    return op("neg", this);
  }
  exp(): Tensor {
    return op("exp", this);
  }
  log(): Tensor {
    return op("log", this);
  }
  sqrt(): Tensor {
    return op("sqrt", this);
  }
  abs(): Tensor {
    return op("abs", this);
  }
  clamp(low: number | null, high: number | null = null): Tensor {
    return op("clamp", this, low, high);
  }
  sigmoid(): Tensor {
    return op("sigmoid", this);
  }
  relu(): Tensor {
    return op("relu", this);
  }
  tanh(): Tensor {
    return op("tanh", this);
  }
  matmul(other: Tensor): Tensor {
    return op("matmul", this, other);
  }
  softmax(dim: number): Tensor {
    return op("softmax.int", this, dim);
  }
  logSoftmax(dim: number): Tensor {
    return op("log_softmax.int", this, dim);
  }

  // ---- comparison
  eq(other: Operand): Tensor {
    return op(typeof other === "number" ? "eq.Scalar" : "eq.Tensor", this, other);
  }
  gt(other: Operand): Tensor {
    return op(typeof other === "number" ? "gt.Scalar" : "gt.Tensor", this, other);
  }
  lt(other: Operand): Tensor {
    return op(typeof other === "number" ? "lt.Scalar" : "lt.Tensor", this, other);
  }
  maskedFill(mask: Tensor, value: number): Tensor {
    return op("masked_fill.Scalar", this, mask, value);
  }

  // ---- reductions
  sum(dims?: number | number[], keepDims = false): Tensor {
    return dims === undefined ? op("sum", this) : op("sum.dim_IntList", this, list(dims), keepDims);
  }
  mean(dims?: number | number[], keepDims = false): Tensor {
    return dims === undefined ? op("mean", this) : op("mean.dim", this, list(dims), keepDims);
  }
  /** Variance over `dims`, unbiased unless told otherwise. */
  variance(dims: number | number[], unbiased = true, keepDims = false): Tensor {
    return op("var.dim", this, list(dims), unbiased, keepDims);
  }
  max(): Tensor {
    return op("max", this);
  }
  argmax(dim: number): Tensor {
    return op("argmax", this, dim);
  }
  /** Euclidean norm of all elements. */
  norm(): Tensor {
    return op("norm.Scalar", this, 2);
  }
  /** The k largest along the last dimension: values and indices. */
  topk(k: number): [Tensor, Tensor] {
    return ops("topk", this, k) as [Tensor, Tensor];
  }

  // ---- shape
  reshape(...shape: number[]): Tensor {
    return op("reshape", this, shape);
  }
  view(...shape: number[]): Tensor {
    return op("view", this, shape);
  }
  permute(...dims: number[]): Tensor {
    return op("permute", this, dims);
  }
  transpose(a: number, b: number): Tensor {
    return op("transpose.int", this, a, b);
  }
  /** Transposed matrix. */
  t(): Tensor {
    return op("t", this);
  }
  contiguous(): Tensor {
    return op("contiguous", this);
  }
  flatten(from: number, to = -1): Tensor {
    return op("flatten.using_ints", this, from, to);
  }
  unsqueeze(dim: number): Tensor {
    return op("unsqueeze", this, dim);
  }
  squeeze(dim: number): Tensor {
    return op("squeeze.dim", this, dim);
  }
  expand(...shape: number[]): Tensor {
    return op("expand", this, shape);
  }
  /** Elements from `start` to before `end` of one dimension; a view. */
  slice(dim: number, start: number, end: number, step = 1): Tensor {
    return op("slice.Tensor", this, dim, start, end, step);
  }
  select(dim: number, index: number): Tensor {
    return op("select.int", this, dim, index);
  }
  chunk(count: number, dim: number): Tensor[] {
    return ops("chunk", this, count, dim);
  }
  unbind(dim: number): Tensor[] {
    return ops("unbind.int", this, dim);
  }
  roll(shifts: number[], dims: number[]): Tensor {
    return op("roll", this, shifts, dims);
  }
  indexSelect(dim: number, index: Tensor): Tensor {
    return op("index_select", this, dim, index);
  }
  gather(dim: number, index: Tensor): Tensor {
    return op("gather", this, dim, index);
  }

  // ---- type and device
  /** This tensor itself where it already has the type. */
  to(dtype: DType): Tensor {
    return this.dtype === dtype ? this : op("to.dtype", this, DTYPE_CODE[dtype]);
  }
  toDevice(device: string): Tensor {
    return this.device === device ? this : op("to.device", this, device, native.dtype(this.handle));
  }
  clone(): Tensor {
    return op("clone", this);
  }
  /** Copies `source` into this tensor (broadcasting, converting). */
  copy_(source: Tensor): this {
    opInPlace("copy_", this, source);
    return this;
  }
}

/** A tensor that a module learns; lives until it is disposed, whatever the scope. */
export class Parameter extends Tensor {
  constructor(data: Tensor) {
    super(native.alias(data.handle));
    keep(this);
    this.setRequiresGrad(true);
  }
}

type Argument = Tensor | number | bigint | boolean | string | null | undefined | Argument[];

function lower(value: Argument): NativeValue {
  if (value instanceof Tensor) return value.handle;
  return Array.isArray(value) ? value.map(lower) : value;
}

function list(dims: number | number[]): number[] {
  return typeof dims === "number" ? [dims] : dims;
}

/** Calls an operator that returns one tensor. */
export function op(name: string, ...args: Argument[]): Tensor {
  return new Tensor(call(name, args.map(lower)) as Handle);
}

/** Calls an operator that returns several tensors (a tuple or a list). */
export function ops(name: string, ...args: Argument[]): Tensor[] {
  return (call(name, args.map(lower)) as Handle[]).map((handle) => new Tensor(handle));
}

/** Calls an operator for its effect on its arguments (`add_` and the like), keeping no handle of the result. */
export function opInPlace(name: string, ...args: Argument[]): void {
  const result = call(name, args.map(lower));
  for (const handle of Array.isArray(result) ? result : [result])
    if (typeof handle === "object" && handle !== null) native.free(handle as Handle);
}
