/** Encoding and training lvm-tiny's encoder beside PyTorch in Python on the same libtorch. `skyloop bench encode|train`. */
import { createModel } from "../src/models/index.ts";
import { Adam, getThreads, noGrad, rand, scope } from "../src/torch/index.ts";
import { alternate, hasPeer, median, runPeer } from "./common.ts";

export interface ModelBench {
  work: "encode" | "train";
  model: "lvm-tiny";
  batch: number;
  sizePx: number;
  threads: number;
  /** Images a second, each round's. */
  imagesPerSecond: Record<string, number[]>;
  median: Record<string, number>;
  /** Ours over the peer's. */
  ratio: Record<string, number>;
}

export function benchModel(work: "encode" | "train", { batch = 16, sizePx = 128, seconds = 4, rounds = 3 } = {}): ModelBench {
  const model = createModel("lvm-tiny").train(work === "train");
  const images = rand([batch, 3, sizePx, sizePx]);
  const optimiser = new Adam(model.namedParameters(), { learningRate: 1e-4 });
  const step = () => {
    if (work === "encode") return noGrad(() => scope(() => void model.encode(images).features.mean(1).toFloat32Array()));
    optimiser.zeroGrad();
    scope(() => model.encode(images).features.mean(1).pow(2).mean().backward());
    optimiser.step();
  };
  step();
  const ours = () => {
    const start = performance.now();
    let done = 0;
    while (performance.now() - start < seconds * 1000) {
      step();
      done += batch;
    }
    return (done * 1000) / (performance.now() - start);
  };
  const peer = (tuned: boolean) => () => Number(runPeer("swin.py", [work, String(batch), String(sizePx), String(seconds)], tuned));
  const peers: Record<string, () => number> = hasPeer() ? { "PyTorch, stock": peer(false), "PyTorch, tuned": peer(true) } : {};
  const imagesPerSecond = alternate({ Skyloop: ours, ...peers }, rounds);
  const medians = Object.fromEntries(Object.entries(imagesPerSecond).map(([name, values]) => [name, median(values)]));
  const ratio = Object.fromEntries(Object.keys(peers).map((name) => [name, medians.Skyloop / medians[name]]));
  return { work, model: "lvm-tiny", batch, sizePx, threads: getThreads(), imagesPerSecond, median: medians, ratio };
}
