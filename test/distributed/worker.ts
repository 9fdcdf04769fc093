/**
 * One process of the data parallel test: trains a small network on its part of every batch; prints the losses of the
 * whole batch as JSON. `worker.ts STEPS [kill|hang STEP]`.
 */
import { LVM_NANO } from "../../src/models/index.ts";
import { SwinUnet } from "../../src/models/swin-unet.ts";
import { AdamW, joinGroup, manualSeed, mseLoss, placeFrom, rand, scope, setThreads } from "../../src/torch/index.ts";

const [steps, fault, faultStep] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
const BATCH = 7;
setThreads(1);
manualSeed(1);
const model = new SwinUnet({ ...LVM_NANO, embedDim: 8, heads: [1, 2, 2, 4], dropPath: 0 }).train();
const optimiser = new AdamW(model.namedParameters(), { learningRate: 1e-3 });
const place = placeFrom(process.env);
const group = place === null ? null : joinGroup(place, fault === "hang" ? 4 : undefined);
group?.watch([...model.parameters()]);
// Seven images on two processes: four and three.
const [from, to] =
  place === null
    ? [0, BATCH]
    : [Math.ceil((place.rank * BATCH) / place.size), Math.ceil(((place.rank + 1) * BATCH) / place.size)];
const losses: number[] = [];
for (let step = 0; step < steps; step++) {
  manualSeed(100 + step);
  if (place?.rank === 1 && step === faultStep && fault === "kill") process.kill(process.pid, "SIGKILL");
  if (place?.rank === 1 && step === faultStep && fault === "hang")
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  optimiser.zeroGrad();
  const loss = scope(() => {
    const images = rand([BATCH, 3, 64, 64]).slice(0, from, to);
    const share = mseLoss(model.forward(images), images).mul((to - from) / BATCH);
    group?.expectGradients();
    share.backward();
    return share.item();
  });
  group?.finishGradients();
  optimiser.step();
  losses.push(group === null ? loss : group.sum([loss])[0]);
}
if (place === null || place.rank === 0) process.stdout.write(JSON.stringify(losses));
group?.leave();
