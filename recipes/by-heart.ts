/**
 * Whether a detector on each backbone can learn at all: eight simulated fields learned by heart, measured on themselves.
 *
 * Command: bin/skyloop recipe by-heart [--backbones resnet18,lvm-nano,lvm-tiny] [--steps 200] [--size 128] [--seed 1]
 * Time: about 3 minutes of processor time a backbone.
 * Expected: a box AP50 of 1 within 200 steps for every backbone; it says nothing about other fields.
 */
import { parseArgs } from "node:util";
import { terminalProgress } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import type { Field } from "../src/contract/detection.ts";
import { cocoFigures } from "../src/measure/detection.ts";
import { learnedBackbone } from "../src/models/mask-rcnn/backbones.ts";
import { batchImages, galaxyOptions, MaskRcnn } from "../src/models/mask-rcnn/index.ts";
import { renderLegacy } from "../src/stamps/render.ts";
import { BANDS } from "../src/survey/simulate/frame.ts";
import { renderScene } from "../src/survey/simulate/scene.ts";
import { AdamW, clipGradNorm, manualSeed, scope, tensor } from "../src/torch/index.ts";
import { markdown } from "./common/tables.ts";

const FIELDS = 8;
const CHANNELS = 64;
const RATE = 1e-3;

const { values: flags } = parseArgs({
  options: {
    backbones: { type: "string", default: "resnet18,lvm-nano,lvm-tiny" },
    steps: { type: "string", default: "200" },
    size: { type: "string", default: "128" },
    seed: { type: "string", default: "1" },
  },
});
const [steps, S, seed] = [Number(flags.steps), Number(flags.size), Number(flags.seed)];

/** Fields that hold a lens each, and nothing else that is to be found. */
function drawFields(): (Field & { pixels: Float32Array })[] {
  const fields: (Field & { pixels: Float32Array })[] = [];
  for (let draw = 0; fields.length < FIELDS; draw++) {
    const { planes, objects } = renderScene(new Random(seed).fork(`field ${draw}`), S);
    const truths = objects.flatMap(({ class: name, mask, ignore }) => {
      const box = { x1: mask.x, y1: mask.y, x2: mask.x + mask.width, y2: mask.y + mask.height };
      return name === "lens" ? [{ ...box, class: name, mask, ignore }] : [];
    });
    if (!truths.some(({ ignore }) => !ignore)) continue;
    const pixels = renderLegacy({ data: planes, widthPx: S, heightPx: S, bands: [...BANDS] });
    const id = String(fields.length);
    fields.push({ id, path: "", width: S, height: S, truths, background: id, pixels });
  }
  return fields;
}

const fields = drawFields();
const batch = () => batchImages(fields.map(({ pixels }) => tensor(pixels, [3, S, S])));
const rows: string[][] = [];
for (const backbone of flags.backbones.split(",")) {
  manualSeed(seed);
  const { body } = await learnedBackbone(backbone, { scratch: false, windowsPx: 256 });
  const model = new MaskRcnn(body, galaxyOptions(["lens"], CHANNELS));
  const optimiser = new AdamW(model.learned(), { learningRate: RATE });
  const progress = terminalProgress(backbone, "steps");
  const began = process.cpuUsage();
  for (let step = 0; step < steps; step++) {
    model.train();
    optimiser.learningRate = RATE * Math.min(1, (step + 1) / 20, (2 * (steps - step)) / steps);
    optimiser.zeroGrad();
    scope(() =>
      Object.values(
        model.losses(
          batch(),
          fields.map(({ truths }) => truths),
          new Random(seed).fork(`step ${step}`),
        ),
      )
        .reduce((sum, loss) => sum.add(loss))
        .backward(),
    );
    clipGradNorm(model.parameters(), 5);
    optimiser.step();
    progress.update(step + 1, steps);
  }
  progress.end();
  const { user, system } = process.cpuUsage(began);
  model.eval();
  const found = scope(() => model.detect(batch()));
  const of = (kind: "box" | "mask") => cocoFigures(found, fields, { class: "lens", kind }).ap50;
  rows.push([
    backbone,
    ...[of("box"), of("mask")].map((ap) => ap?.toFixed(3) ?? "-"),
    ((user + system) / 1e6).toFixed(0),
  ]);
  optimiser.dispose();
  model.dispose();
}
const lenses = fields.reduce((sum, { truths }) => sum + truths.filter(({ ignore }) => !ignore).length, 0);
process.stdout.write(
  `${FIELDS} simulated fields of ${S} px with ${lenses} lenses, ${steps} steps of all eight, seed ${seed}; measured on the same fields.\n\n${markdown(["backbone", "box AP50", "mask AP50", "processor s"], rows)}\n`,
);
