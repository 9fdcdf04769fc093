/** RoIAlign and NMS of ours in a process of its own: `tsx regions-step.ts BOXES ROUNDS`, prints what the peer prints. */
import { nms, roiAlign } from "../src/nn/index.ts";
import { cat, manualSeed, noGrad, ones, rand, randn, scope, tensor } from "../src/torch/index.ts";

const [count, rounds] = process.argv.slice(2).map(Number);
manualSeed(1);
const features = randn([2, 256, 64, 64]).setRequiresGrad(true);
const corners = rand([count, 2]).mul(220);
const images = tensor(
  Float32Array.from({ length: count }, (_, i) => i % 2),
  [count, 1],
);
const boxes = cat([images, corners, corners.add(10).add(rand([count, 2]).mul(26))], 1);
const plain = boxes.slice(1, 1, 5);
const many = cat([plain, plain.add(1.5)], 0);
const scores = rand([2 * count]);

/** The least milliseconds of `body`, wall and processor time; what it times itself where it returns a start. */
function least(body: () => (() => void) | undefined): { wallMs: number; cpuMs: number } {
  let [wallMs, cpuMs] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++)
    scope(() => {
      const timed = body();
      const [wall, cpu] = [performance.now(), process.cpuUsage()];
      timed?.();
      const { user, system } = process.cpuUsage(cpu);
      wallMs = Math.min(wallMs, performance.now() - wall);
      cpuMs = Math.min(cpuMs, (user + system) / 1000);
    });
  return { wallMs, cpuMs };
}

const align = () => roiAlign(features, boxes, { scale: 0.25, bins: [7, 7], samples: 2, aligned: false });
noGrad(() => scope(() => void align()));
const forward = noGrad(() => least(() => () => void align()));
const backward = least(() => {
  features.setGrad(null);
  const out = align();
  const gradient = ones(out.shape);
  return () => out.backward(gradient);
});
const suppressed = least(() => () => void nms(many, scores, 0.5));
process.stdout.write(JSON.stringify({ roi_align: forward, "its gradient": backward, nms: suppressed }));
