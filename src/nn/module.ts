/**
 * Modules: classes whose properties are parameters, buffers and other modules. A parameter's name is the path of
 * properties that leads to it, joined by dots, as in PyTorch, so that weights move between the two by name.
 */
import { SkyloopError } from "../base/errors.ts";
import { type DType, noGrad, Parameter, scope, Tensor } from "../torch/index.ts";

/**
 * A part of a network, as PyTorch's: parameters and sub-modules are its fields, named by their path
 * (`layers.0.weight`). It reads and writes a state dict by these names.
 */
export abstract class Module {
  /** Whether dropout, drop path and batch statistics are on. */
  training = true;

  /** Direct sub-modules with their names; arrays count as numbered children. */
  *children(): Generator<[string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value))
        for (const [i, part] of value.entries()) if (part instanceof Module) yield [`${name}.${i}`, part];
    }
  }

  /** Every module below this one, itself first, with its path. */
  *namedModules(prefix = ""): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.namedModules(prefix === "" ? name : `${prefix}.${name}`);
  }

  *namedParameters(): Generator<[string, Parameter]> {
    for (const [name, tensor] of this.namedTensors()) if (tensor instanceof Parameter) yield [name, tensor];
  }

  *parameters(): Generator<Parameter> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  /** Parameters and buffers. Tensors in private (#) properties are no part of the state. */
  *namedTensors(): Generator<[string, Tensor]> {
    for (const [path, module] of this.namedModules())
      for (const [name, value] of Object.entries(module))
        if (value instanceof Tensor) yield [path === "" ? name : `${path}.${name}`, value];
  }

  parameterCount(): number {
    let count = 0;
    for (const parameter of this.parameters()) count += parameter.size;
    return count;
  }

  /** The module's own tensors by name, not copies. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.namedTensors());
  }

  /**
   * Copies values in by name. Throws STATE_MISMATCH listing what is missing, unexpected or of another shape; `partial`
   * allows missing and unexpected names but never another shape.
   */
  loadStateDict(state: Record<string, Tensor>, options: { partial?: boolean } = {}): void {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !(name in state));
    const unexpected = Object.keys(state).filter((name) => !(name in own));
    const reshaped = Object.keys(own).filter(
      (name) => name in state && own[name].shape.join() !== state[name].shape.join(),
    );
    const some = (names: string[]) =>
      `${names.length} (${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""})`;
    const faults = [
      ...(reshaped.length > 0
        ? [
            `other shape: ${reshaped
              .slice(0, 4)
              .map((name) => `${name} is [${state[name].shape}], needs [${own[name].shape}]`)
              .join("; ")}`,
          ]
        : []),
      ...(options.partial !== true && missing.length > 0 ? [`missing: ${some(missing)}`] : []),
      ...(options.partial !== true && unexpected.length > 0 ? [`unexpected: ${some(unexpected)}`] : []),
    ];
    if (faults.length > 0)
      throw new SkyloopError(
        "STATE_MISMATCH",
        `these weights are not of this model: ${faults.join("; ")}; choose the model that they were made with`,
      );
    noGrad(() =>
      scope(() => {
        for (const [name, tensor] of Object.entries(own)) if (name in state) tensor.copy_(state[name]);
      }),
    );
  }

  train(on = true): this {
    for (const [, module] of this.namedModules()) module.training = on;
    return this;
  }
  eval(): this {
    return this.train(false);
  }

  /** Converts parameters and floating-point buffers. Gradients are given up; make the optimiser afterwards. */
  toDtype(dtype: DType): this {
    return this.#convert((tensor) =>
      tensor.dtype.startsWith("float") || tensor.dtype === "bfloat16" ? tensor.to(dtype) : tensor,
    );
  }
  toDevice(device: string): this {
    return this.#convert((tensor) => tensor.toDevice(device));
  }
  #convert(change: (tensor: Tensor) => Tensor): this {
    noGrad(() => {
      for (const [, tensor] of this.namedTensors()) tensor.become(change(tensor));
    });
    return this;
  }

  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.setGrad(null);
  }

  /** Frees all parameters and buffers; modules with tensors of their own beside free those too. */
  dispose(): void {
    for (const [, child] of this.children()) child.dispose();
    for (const value of Object.values(this)) if (value instanceof Tensor) value.dispose();
  }
}

/** A module that maps one tensor to one tensor. */
export abstract class Layer extends Module {
  abstract forward(x: Tensor): Tensor;
}

/** Layers one after another; children are named "0", "1", … as in torch.nn.Sequential. */
export class Sequential extends Layer {
  readonly #layers: Layer[];

  constructor(...layers: Layer[]) {
    super();
    this.#layers = layers;
  }
  override *children(): Generator<[string, Module]> {
    for (const [i, layer] of this.#layers.entries()) yield [String(i), layer];
  }
  forward(x: Tensor): Tensor {
    return this.#layers.reduce((value, layer) => layer.forward(value), x);
  }
}
