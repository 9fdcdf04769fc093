/**
 * One measurement of ours in a process of its own: `tsx detect-step.ts field|train BACKBONE CHANNELS SIZES ROUNDS`, prints
 * what bench/peers/detect.py prints.
 */
import { Random } from "../src/base/random.ts";
import { newBackbone } from "../src/models/mask-rcnn/backbones.ts";
import { batchImages, galaxyOptions, MaskRcnn } from "../src/models/mask-rcnn/index.ts";
import { AdamW, manualSeed, rand, scope } from "../src/torch/index.ts";

const [work, backbone] = process.argv.slice(2, 4);
const [channels, rounds] = [process.argv[4], process.argv[6]].map(Number);
/** Width and height of each tile; of a training step those of its images. */
const tiles = JSON.parse(process.argv[5]) as [number, number][];
manualSeed(1);
const plain = galaxyOptions(["lens"], channels);
const options = { ...plain, heads: { ...plain.heads, sample: { count: 64, objects: 0.25 } } };
const model = new MaskRcnn(newBackbone(backbone, 256), options).train(work === "train");
const bits = new Uint8Array(900).fill(1);
const truth = {
  x1: 40,
  y1: 40,
  x2: 70,
  y2: 70,
  class: "lens",
  ignore: false,
  mask: { x: 40, y: 40, width: 30, height: 30, bits },
};
const optimiser = new AdamW(model.learned(), { learningRate: 1e-4 });
const images = (count: number) => batchImages(Array.from({ length: count }, () => rand([3, tiles[0][1], tiles[0][0]])));

function train(round: number): void {
  optimiser.zeroGrad();
  scope(() => {
    const losses = Object.values(model.losses(images(4), new Array(4).fill([truth]), new Random(round)));
    losses.reduce((sum, loss) => sum.add(loss)).backward();
  });
  optimiser.step();
}

/** Finds in tiles one after another, as `skyloop detect` does. */
function find(tiles: [width: number, height: number][]): void {
  for (const [width, height] of tiles) scope(() => void model.detect(batchImages([rand([3, height, width])])));
}

const step = (round: number) => (work === "train" ? train(round) : find(tiles));
// A tile warms as well as a field does.
if (work === "train") train(0);
else find(tiles.slice(0, 1));
let [wallMs, cpuMs] = [Infinity, Infinity];
for (let round = 1; round <= rounds; round++) {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  step(round);
  const { user, system } = process.cpuUsage(cpu);
  wallMs = Math.min(wallMs, performance.now() - wall);
  cpuMs = Math.min(cpuMs, (user + system) / 1000);
}
process.stdout.write(JSON.stringify({ wallMs, cpuMs, peakMb: process.resourceUsage().maxRSS / 1024 }));
