/**
 * Who frees a tensor: the innermost `scope` around the code that made it. Tensors made outside every scope live until
 * `dispose` or until JavaScript's garbage collector finds them, which knows nothing of their size.
 */
import type { Tensor } from "./tensor.ts";

let current: Set<Tensor> | null = null;

/** Called by every new tensor. */
export function own(tensor: Tensor): void {
  current?.add(tensor);
}

/** Takes a tensor out of the current scope: it lives until it is disposed. Returns it. */
export function keep<T extends Tensor>(tensor: T): T {
  current?.delete(tensor);
  return tensor;
}

/**
 * Runs `body` and frees every tensor made in it, also when it throws. What it returns survives (tensors in arrays and
 * plain objects too) and belongs to the scope around. `body` must not be asynchronous.
 */
export function scope<T>(body: () => T): T {
  const outer = current;
  const mine = new Set<Tensor>();
  current = mine;
  let result: T;
  try {
    result = body();
  } catch (error) {
    current = outer;
    for (const tensor of mine) tensor.dispose();
    throw error;
  }
  current = outer;
  rescue(result, mine, outer);
  for (const tensor of mine) tensor.dispose();
  return result;
}

function rescue(value: unknown, from: Set<Tensor>, to: Set<Tensor> | null): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  if (from.delete(value as Tensor)) {
    to?.add(value as Tensor);
    return;
  }
  if (Array.isArray(value)) for (const part of value) rescue(part, from, to);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const part of Object.values(value)) rescue(part, from, to);
}
