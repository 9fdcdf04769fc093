/** Gradients of every layer of ours against central differences, in double precision. */
import { describe, expect, it } from "vitest";
import { DualUpsample, PatchMerging, SwinBlock } from "../models/swin-blocks.ts";
import {
  Adam,
  bceWithLogits,
  crossEntropy,
  dropout,
  gelu,
  manualSeed,
  mseLoss,
  noGrad,
  normalize,
  op,
  opInPlace,
  randn,
  scope,
  type Tensor,
  tensor,
} from "../torch/index.ts";
import {
  BatchNorm,
  Conv2d,
  composedFeedforward,
  composedLinear,
  fusedFeedforward,
  fusedLinear,
  joinWindows,
  LayerNorm,
  Linear,
  type Module,
  PRelu,
  splitWindows,
  UpsampleBilinear,
  WindowAttention,
  WindowMasks,
} from "./index.ts";

const STEP = 1e-5;

/** Largest relative difference over some elements of the input and of every parameter. */
function worstDifference(module: Module | null, input: Tensor, run: (x: Tensor) => Tensor): number {
  const weights = scope(() => noGrad(() => randn(run(input).shape, "float64")));
  const loss = (x: Tensor) => run(x).mul(weights).sum();
  const targets: Tensor[] = [input.setRequiresGrad(true), ...(module?.parameters() ?? [])];
  for (const target of targets) target.setGrad(null);
  scope(() => loss(input).backward());
  let worst = 0;
  for (const target of targets) {
    const gradient = scope(() => target.grad?.toFloat64Array());
    if (gradient === undefined) continue;
    const values = target.toFloat64Array();
    const scale = Math.max(1e-3, ...gradient.map(Math.abs));
    for (let i = 0; i < values.length; i += Math.max(1, Math.floor(values.length / 7))) {
      const at = (shift: number) => {
        const moved = values.slice();
        moved[i] += shift;
        return noGrad(() =>
          scope(() => {
            target.copy_(tensor(moved, target.shape));
            return loss(input).item();
          }),
        );
      };
      const numeric = (at(STEP) - at(-STEP)) / (2 * STEP);
      noGrad(() => scope(() => target.copy_(tensor(values, target.shape))));
      worst = Math.max(worst, Math.abs(numeric - gradient[i]) / scale);
    }
  }
  return worst;
}

const x = (...shape: number[]) => randn(shape, "float64");
const wide = <M extends Module>(module: M): M => module.toDtype("float64");
// The same weights in every run.
manualSeed(1);
const masks = new WindowMasks();
const plain = { H: 8, W: 8, window: 4, shift: 0 };
const shifted = { H: 6, W: 6, window: 4, shift: 2 };
const block = wide(new SwinBlock({ width: 8, heads: 2, window: 4, shift: 2, mlpRatio: 2, scale: 0.5, dropPath: 0 }));
const [linear, conv, norm, batch, slope] = [
  wide(new Linear(5, 3)),
  wide(new Conv2d(4, 6, 3, { stride: 2, padding: 1, groups: 2 })),
  wide(new LayerNorm(6)),
  wide(new BatchNorm(3)),
  wide(new PRelu()),
];
const [attention, merging, double, quadruple] = [
  wide(new WindowAttention(8, 4, 2, 0.35)),
  wide(new PatchMerging(3)),
  wide(new DualUpsample(8, 2)),
  wide(new DualUpsample(4, 4)),
];

const CASES: [string, Module | null, () => Tensor, (input: Tensor) => Tensor][] = [
  ["Linear", linear, () => x(4, 5), (t) => linear.forward(t)],
  ["Conv2d", conv, () => x(2, 4, 7, 7), (t) => conv.forward(t)],
  ["LayerNorm", norm, () => x(3, 6), (t) => norm.forward(t)],
  ["BatchNorm", batch, () => x(5, 3, 2, 2), (t) => batch.forward(t)],
  ["PRelu", slope, () => x(3, 4), (t) => slope.forward(t)],
  ["GELU", null, () => x(3, 4), gelu],
  ["pieces of images", null, () => x(2, 2, 7, 6), (t) => op("skyloop::patches", t, 3, 2, 1)],
  ["UpsampleBilinear", null, () => x(1, 2, 3, 3), (t) => new UpsampleBilinear(2).forward(t)],
  ["normalize", null, () => x(3, 4), (t) => normalize(t, 1)],
  ["mseLoss", null, () => x(3, 4), (t) => mseLoss(t, tensor(new Float64Array(12).fill(0.3), [3, 4]))],
  ["crossEntropy", null, () => x(3, 4), (t) => crossEntropy(t, tensor(BigInt64Array.of(0n, 3n, 1n), [3]), null, 0.1)],
  ["bceWithLogits", null, () => x(4), (t) => bceWithLogits(t, tensor(Float64Array.of(0, 1, 1, 0), [4]))],
  ["dropout at rest", null, () => x(3), (t) => dropout(t, 0.5, false)],
  ["WindowAttention", attention, () => x(1, 64, 8), (t) => attention.forward(t, plain, null)],
  [
    "WindowAttention, shifted and padded",
    attention,
    () => x(2, 36, 8),
    (t) => attention.forward(t, shifted, masks.get(shifted, t)),
  ],
  [
    "WindowAttention as a composition",
    attention,
    () => x(2, 36, 8),
    (t) => attention.forwardComposed(t, shifted, masks.get(shifted, t)),
  ],
  ["SwinBlock, shifted and padded", block, () => x(1, 36, 8), (t) => block.forward(t, 6, 6, masks)],
  ["PatchMerging", merging, () => x(2, 16, 3), (t) => merging.forward(t, 4, 4)],
  ["DualUpsample 2", double, () => x(1, 9, 8), (t) => double.forward(t, 3, 3)],
  ["DualUpsample 4", quadruple, () => x(1, 4, 4), (t) => quadruple.forward(t, 2, 2)],
];

describe("gradients", () => {
  it.each(CASES)("of %s equal finite differences", (name, module, input, run) => {
    manualSeed(7);
    const worst = worstDifference(module, input(), run);
    console.log(`${name}: largest relative difference ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(1e-6);
  });
});

describe("windows", () => {
  it("join back to the map they were cut from, padded, shifted or not", () => {
    for (const [H, W, window, shift] of [
      [8, 8, 4, 0],
      [8, 12, 4, 2],
      [6, 6, 4, 2],
      [3, 3, 4, 0],
      [5, 9, 3, 1],
    ])
      scope(() => {
        const grid = { H, W, window, shift };
        const map = randn([2, H, W, 3]);
        expect(joinWindows(splitWindows(map, grid), grid).toFloat32Array()).toEqual(map.toFloat32Array());
      });
  });
});

/** Largest difference over the largest value of results and gradients of two ways to compute the same. */
function compare(tensors: Tensor[], ways: (() => Tensor)[]): number {
  const [a, b] = ways.map((run) => {
    for (const tensor of tensors) tensor.setGrad(null);
    const output = run();
    manualSeed(9);
    output
      .mul(randn(output.shape, output.dtype as "float32"))
      .sum()
      .backward();
    return [output, ...tensors.map((tensor) => tensor.grad as Tensor)];
  });
  return Math.max(...a.map((value, i) => value.sub(b[i]).abs().max().item() / b[i].abs().max().item()));
}

describe("linear layers with what stands around them", () => {
  const WIDTHS = [
    [48, 144, 200],
    [96, 40, 33],
    [20, 20, 7],
    [7, 3, 130],
    [384, 16, 64],
    [384, 48, 65],
    [128, 64, 9],
    [16, 96, 1],
  ];
  it("equal the composition of operators in value and in every gradient, whatever the widths and the number of rows", () => {
    manualSeed(3);
    let worst = 0;
    for (const dtype of ["float32", "float64"] as const)
      for (const [inputs, outputs, rows] of WIDTHS)
        for (const bias of [true, false])
          for (const normed of [true, false])
            for (const around of ["nothing", "residual", "residual and scale"])
              scope(() => {
                const layer = new Linear(inputs, outputs, { bias }).toDtype(dtype);
                const norm = new LayerNorm(inputs).toDtype(dtype);
                noGrad(() => {
                  for (const parameter of norm.parameters()) parameter.copy_(randn(parameter.shape, dtype));
                });
                const x = randn([2, rows, inputs], dtype).mul(3).add(1).detach().setRequiresGrad(true);
                const residual = randn([2, rows, outputs], dtype).setRequiresGrad(true);
                const options = {
                  ...(normed ? { norm } : {}),
                  ...(around === "nothing" ? {} : { residual }),
                  ...(around === "residual and scale" ? { scale: tensor([0, 1.25], [2], dtype) } : {}),
                };
                const learned = [
                  x,
                  ...layer.parameters(),
                  ...(normed ? norm.parameters() : []),
                  ...(around === "nothing" ? [] : [residual]),
                ];
                const difference = compare(learned, [
                  () => fusedLinear(x, layer, options),
                  () => composedLinear(x, layer, options),
                ]);
                worst = Math.max(worst, dtype === "float32" ? difference : difference * 1e6);
                for (const module of [layer, norm]) module.dispose();
              });
    console.log(`largest relative difference ${worst.toExponential(1)} (float32; float64 times a million)`);
    expect(worst).toBeLessThan(5e-6);
  });

  it("the feed-forward part equals its composition in value and in every gradient, and is the same with and without a graph", () => {
    manualSeed(4);
    let worst = 0;
    for (const dtype of ["float32", "float64"] as const)
      for (const [width, hidden, rows] of [
        [48, 192, 300],
        [20, 28, 7],
        [384, 1536, 40],
        [384, 1536, 65],
        [128, 256, 9],
        [8, 16, 1],
      ])
        for (const scaled of [true, false])
          scope(() => {
            const [first, second, norm] = [
              new Linear(width, hidden).toDtype(dtype),
              new Linear(hidden, width).toDtype(dtype),
              new LayerNorm(width).toDtype(dtype),
            ];
            noGrad(() => {
              for (const parameter of norm.parameters()) parameter.copy_(randn(parameter.shape, dtype));
            });
            const x = randn([2, rows, width], dtype).mul(3).detach().setRequiresGrad(true);
            const scale = scaled ? tensor([1.1, 0], [2], dtype) : null;
            const learned = [x, ...first.parameters(), ...second.parameters(), ...norm.parameters()];
            const difference = compare(learned, [
              () => fusedFeedforward(x, norm, first, second, scale),
              () => composedFeedforward(x, norm, first, second, scale),
            ]);
            worst = Math.max(worst, dtype === "float32" ? difference : difference * 1e6);
            const free = noGrad(() => fusedFeedforward(x, norm, first, second, scale));
            expect(
              free
                .sub(fusedFeedforward(x, norm, first, second, scale))
                .abs()
                .max()
                .item(),
            ).toBe(0);
            for (const module of [first, second, norm]) module.dispose();
          });
    console.log(`largest relative difference ${worst.toExponential(1)} (float32; float64 times a million)`);
    expect(worst).toBeLessThan(5e-6);
  });

  it("weights that were kept in the order of products are noticed when they change, however they do", () => {
    manualSeed(5);
    scope(() => {
      const [layer, first, second, norm] = [
        new Linear(48, 64),
        new Linear(48, 192),
        new Linear(192, 48),
        new LayerNorm(48),
      ];
      const x = randn([2, 300, 48]);
      const unlike = () =>
        noGrad(() => {
          const pairs = [
            [fusedLinear(x, layer), composedLinear(x, layer)],
            [fusedFeedforward(x, norm, first, second, null), composedFeedforward(x, norm, first, second, null)],
          ];
          return Math.max(
            ...pairs.map(([fused, composed]) => fused.sub(composed).abs().max().item() / composed.abs().max().item()),
          );
        });
      const same = () => expect(Math.max(unlike(), unlike())).toBeLessThan(5e-6);
      same();
      noGrad(() => opInPlace("mul_.Scalar", layer.weight, 2));
      same();
      noGrad(() => first.weight.copy_(randn(first.weight.shape)));
      same();
      layer.weight.fill(new Float32Array(64 * 48).fill(0.25));
      same();
      const optimiser = new Adam([...layer.namedParameters(), ...second.namedParameters()], { learningRate: 0.1 });
      fusedLinear(x, layer)
        .sum()
        .add(fusedFeedforward(x, norm, first, second, null).sum())
        .backward();
      optimiser.step();
      same();
      for (const module of [layer, first, second, norm]) module.dispose();
    });
  });

  it("dual up-sampling in fewer operations equals its layers one by one, in value and in every gradient", () => {
    manualSeed(6);
    for (const [width, factor] of [
      [8, 2],
      [48, 2],
      [12, 4],
    ] as const)
      scope(() => {
        const layer = new DualUpsample(width, factor);
        const input = randn([2, 15, width]).setRequiresGrad(true);
        const difference = compare(
          [input, ...layer.parameters()],
          [() => layer.forward(input, 3, 5), () => layer.forwardPlain(input, 3, 5)],
        );
        console.log(`width ${width}, factor ${factor}: largest relative difference ${difference.toExponential(1)}`);
        expect(difference).toBeLessThan(5e-6);
        layer.dispose();
      });
  });

  it("say what does not fit", () => {
    const layer = new Linear(4, 3);
    expect(() => fusedLinear(randn([2, 5]), layer)).toThrow(/x \[2, 5\] does not fit weight \[3, 4\]/);
    expect(() => fusedLinear(randn([2, 4]), layer, { residual: randn([2, 4]) })).toThrow(
      /residual \[2, 4\] is not of the result's shape/,
    );
    expect(() => fusedLinear(randn([3, 4]), layer, { residual: randn([3, 3]), scale: randn([2]) })).toThrow(
      /3 rows do not fit a scale/,
    );
    layer.dispose();
  });
});

describe("attention in one pass", () => {
  it("equals the composition of operators in value and in every gradient, with and without mask and padding, whatever the head's width", () => {
    manualSeed(2);
    let worst = 0;
    for (const [width, heads, window, H] of [
      [48, 3, 8, 16],
      [32, 4, 4, 8],
      [24, 1, 3, 6],
      [24, 2, 4, 6],
      [24, 2, 5, 10],
      [8, 2, 2, 4],
      [8, 2, 1, 2],
      [768, 8, 7, 14],
      [96, 8, 8, 16],
    ])
      for (const shift of [0, Math.floor(window / 2)])
        scope(() => {
          const layer = new WindowAttention(width, window, heads, 2 * (width / heads) ** -0.5);
          const grid = { H, W: H, window, shift };
          const input = randn([2, H * H, width]).setRequiresGrad(true);
          const weights = randn([2, H * H, width]);
          const mask = new WindowMasks().get(grid, input);
          noGrad(() => layer.relative_position_bias_table.copy_(randn(layer.relative_position_bias_table.shape)));
          const [fused, composed] = [layer.forward(input, grid, mask), layer.forwardComposed(input, grid, mask)].map(
            (output) => {
              for (const tensor of [input, ...layer.parameters()]) tensor.setGrad(null);
              output.mul(weights).sum().backward();
              return [output, ...[input, ...layer.parameters()].map((tensor) => tensor.grad as Tensor)];
            },
          );
          for (const [i, value] of fused.entries())
            worst = Math.max(worst, value.sub(composed[i]).abs().max().item() / (composed[i].abs().max().item() || 1));
          expect(
            noGrad(() => layer.forward(input, grid, mask))
              .sub(fused[0])
              .abs()
              .max()
              .item(),
          ).toBe(0);
          layer.dispose();
        });
    console.log(`largest relative difference ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(5e-6);
  });

  it("says what does not fit", () => {
    const layer = new WindowAttention(8, 4, 2, 1);
    const mask = new WindowMasks().get(shifted, randn([1]));
    expect(() => layer.forward(randn([1, 96, 8]), { ...plain, W: 12 }, mask)).toThrow(/mask .* does not fit 6 windows/);
    layer.dispose();
  });
});
