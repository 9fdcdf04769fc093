/** Tensors made: of arrays and bytes, filled, drawn, and of other tensors. Names and semantics are PyTorch's. */
import { device } from "./device.ts";
import { DTYPE_CODE, type DType, native, type TypedArray, torchError } from "./dispatch.ts";
import { op, Tensor } from "./tensor.ts";

function typed(data: number[], dtype?: DType): TypedArray {
  if (dtype === "float64") return Float64Array.from(data);
  return dtype === "int64" ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
}

/** On the process's device, what was made on the CPU. */
function placed(made: Tensor): Tensor {
  const to = device();
  if (to === "cpu") return made;
  const there = made.toDevice(to);
  made.dispose();
  return there;
}

/**
 * A tensor of the given shape with a copy of `data` (row-major); the type is the array's unless `dtype` asks for a
 * conversion.
 */
export function tensor(data: TypedArray | number[], shape: number[], dtype?: DType): Tensor {
  const source = Array.isArray(data) ? typed(data, dtype) : data;
  let made: Tensor;
  try {
    made = new Tensor(native.fromArray(source, shape));
  } catch (cause) {
    throw torchError(`tensor(${source.constructor.name}(${source.length}), [${shape.join(", ")}])`, cause);
  }
  made = placed(made);
  return dtype === undefined || made.dtype === dtype ? made : made.to(dtype);
}

/** A tensor whose bytes are given as they lie in a file. */
export function tensorFromBytes(bytes: Uint8Array, shape: number[], dtype: DType): Tensor {
  try {
    return placed(new Tensor(native.fromArray(bytes, shape, DTYPE_CODE[dtype])));
  } catch (cause) {
    throw torchError(`tensorFromBytes(${bytes.length} bytes, ${dtype}[${shape.join(", ")}])`, cause);
  }
}

/** The bytes of a tensor as they go to a file: contiguous, little-endian. */
export function tensorBytes(source: Tensor): Uint8Array {
  const itemBytes: Record<string, number> = {
    uint8: 1,
    int8: 1,
    bool: 1,
    int16: 2,
    float16: 2,
    bfloat16: 2,
    int32: 4,
    float32: 4,
    int64: 8,
    float64: 8,
  };
  const bytes = new Uint8Array(source.size * itemBytes[source.dtype]);
  native.copyTo(source.handle, bytes);
  return bytes;
}

/** A tensor filled with 0. */
export function zeros(shape: number[], dtype: DType = "float32"): Tensor {
  return op("zeros", shape, DTYPE_CODE[dtype], undefined, device());
}

/** A tensor filled with 1. */
export function ones(shape: number[], dtype: DType = "float32"): Tensor {
  return op("ones", shape, DTYPE_CODE[dtype], undefined, device());
}

/** A tensor whose values are not set: to be written before it is read. */
export function empty(shape: number[], dtype: DType = "float32"): Tensor {
  return op("empty.memory_format", shape, DTYPE_CODE[dtype], undefined, device());
}

/**
 * A float32 tensor that `draw` fills with random numbers on the CPU, so that a seed draws the same ones for every
 * device.
 */
export function drawn(shape: number[], draw: (tensor: Tensor) => void): Tensor {
  const made: Tensor = op("empty.memory_format", shape, DTYPE_CODE.float32);
  draw(made);
  return placed(made);
}

/** Standard normal numbers from the process-wide generator (`manualSeed`). */
export function randn(shape: number[], dtype: DType = "float32"): Tensor {
  return placed(op("randn", shape, DTYPE_CODE[dtype]));
}
/** Uniform numbers in [0, 1). */
export function rand(shape: number[], dtype: DType = "float32"): Tensor {
  return placed(op("rand", shape, DTYPE_CODE[dtype]));
}

/** Whole numbers from 0 to `end` - 1, [end]. */
export function arange(end: number, dtype: DType = "int64"): Tensor {
  return op("arange", end, DTYPE_CODE[dtype], undefined, device());
}

/** Tensors one after another along an axis that exists; all other axes are equal. */
export function cat(tensors: Tensor[], dim: number): Tensor {
  return op("cat", tensors, dim);
}

/** Tensors of one shape along a new axis at place `dim`. */
export function stack(tensors: Tensor[], dim = 0): Tensor {
  return op("stack", tensors, dim);
}
/** `a` where the mask holds, else `b`. */
export function where(mask: Tensor, a: Tensor, b: Tensor): Tensor {
  return op("where.self", mask, a, b);
}
