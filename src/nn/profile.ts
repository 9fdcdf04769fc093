/**
 * Where the time of a network goes: every operator that libtorch runs, forward and backward, by operator and by the
 * module that called it.
 */
import { type ProfiledCall, profileCalls, setProfiledModule } from "../torch/profile.ts";
import type { Module } from "./module.ts";

/** One row of a profile. Times are of the operator itself, without those that it calls. */
export interface ProfileRow {
  name: string;
  ms: number;
  calls: number;
  /** Bytes of the tensors that were read and written, by the operators that do so themselves. */
  bytes: number;
  /** Part of the profile's whole time. */
  share: number;
}

/** Where the time of one run of a model went. */
export interface Profile {
  /** Wall-clock milliseconds of the profiled body. */
  ms: number;
  byOperator: ProfileRow[];
  /** Forward and backward of each module, without its sub-modules. */
  byModule: ProfileRow[];
  calls: ProfiledCall[];
  modules: string[];
}

/**
 * Runs `body` and says what `model` did in it. Modules are known by their methods whose names begin with `forward`;
 * backward operators belong to the module whose forward operator made them.
 */
export function profileModule(model: Module, body: () => void): Profile {
  const modules: string[] = [];
  const restore: (() => void)[] = [];
  let current = -1;
  const enter = (number: number) => {
    current = number;
    setProfiledModule(number);
  };
  for (const [path, module] of model.namedModules()) {
    const number = modules.push(path === "" ? "(whole)" : path) - 1;
    for (const method of forwardMethods(module)) {
      const plain = Reflect.get(module, method) as (...args: unknown[]) => unknown;
      const watched = (...args: unknown[]) => {
        const outer = current;
        enter(number);
        try {
          return plain.apply(module, args);
        } finally {
          enter(outer);
        }
      };
      Object.defineProperty(module, method, { value: watched, configurable: true });
      restore.push(() => Reflect.deleteProperty(module, method));
    }
  }
  try {
    const start = performance.now();
    const calls = profileCalls(body);
    const ms = performance.now() - start;
    return { ms, ...summarise(calls, modules, ms), calls, modules };
  } finally {
    for (const undo of restore) undo();
  }
}

/** Names of the methods by which a module is run. */
function forwardMethods(module: Module): string[] {
  const found = new Set<string>();
  for (
    let prototype: object | null = Object.getPrototypeOf(module);
    prototype !== null && prototype !== Object.prototype;
  ) {
    for (const name of Object.getOwnPropertyNames(prototype)) if (name.startsWith("forward")) found.add(name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return [...found];
}

/** Operators that give another view of the same memory, or memory that nobody has written yet. */
const MOVES_NOTHING =
  /^aten::(view|_unsafe_view|as_strided|select|slice|t|transpose|permute|expand|reshape|flatten|unsqueeze|squeeze|unbind|detach|resolve_\w+|empty\w*)$/;

/** Tables of calls that may lie inside one another. `ms` is what shares are of. */
export function summarise(
  calls: ProfiledCall[],
  modules: string[],
  ms: number,
): Pick<Profile, "byOperator" | "byModule"> {
  const operators = new Map<string, ProfileRow>();
  const owners = new Map<string, ProfileRow>();
  const add = (rows: Map<string, ProfileRow>, name: string, selfMs: number, bytes: number) => {
    const row = rows.get(name) ?? { name, ms: 0, calls: 0, bytes: 0, share: 0 };
    row.ms += selfMs;
    row.calls++;
    row.bytes += bytes;
    row.share = row.ms / ms;
    rows.set(name, row);
  };
  const bySequence = new Map<number, number>();
  for (const { backward, sequence, module } of calls)
    if (!backward && sequence >= 0 && module >= 0) bySequence.set(sequence, module);

  // In order of their starts, outermost first, so that a stack holds what the next call may lie in.
  const ordered = [...calls].sort((a, b) => a.startUs - b.startUs || b.endUs - a.endUs);
  type Open = { call: ProfiledCall; insideUs: number; module: number };
  const stacks = new Map<number, Open[]>();
  const close = ({ call, insideUs, module }: Open) => {
    const wholeUs = call.endUs - call.startUs;
    const selfMs = (wholeUs - insideUs) / 1000;
    // What only calls others has its bytes counted with them.
    const bytes = insideUs > wholeUs / 2 || MOVES_NOTHING.test(call.name) ? 0 : call.bytes;
    add(operators, call.name, selfMs, bytes);
    add(owners, modules[module] ?? "(outside)", selfMs, bytes);
  };
  for (const call of ordered) {
    const stack = stacks.get(call.thread) ?? [];
    stacks.set(call.thread, stack);
    while (stack.length > 0 && (stack.at(-1) as Open).call.endUs <= call.startUs) close(stack.pop() as Open);
    const outer = stack.at(-1);
    if (outer !== undefined) outer.insideUs += call.endUs - call.startUs;
    const known = call.backward ? (bySequence.get(call.sequence) ?? -1) : call.module;
    stack.push({ call, insideUs: 0, module: known >= 0 ? known : (outer?.module ?? -1) });
  }
  for (const stack of stacks.values()) while (stack.length > 0) close(stack.pop() as Open);
  const sorted = (rows: Map<string, ProfileRow>) => [...rows.values()].sort((a, b) => b.ms - a.ms);
  return { byOperator: sorted(operators), byModule: sorted(owners) };
}

/** The calls as a Chrome trace (chrome://tracing, Perfetto). */
export function chromeTrace({ calls, modules }: Pick<Profile, "calls" | "modules">): string {
  const events = calls.map(({ name, startUs, endUs, bytes, module, thread, backward }) => ({
    name,
    cat: backward ? "backward" : "operator",
    ph: "X",
    ts: startUs,
    dur: endUs - startUs,
    pid: 1,
    tid: thread,
    args: { bytes, module: modules[module] ?? null },
  }));
  return JSON.stringify({ traceEvents: events, displayTimeUnit: "ms" });
}
