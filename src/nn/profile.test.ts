import { describe, expect, it } from "vitest";
import { mseLoss, noGrad, rand, scope } from "../torch/index.ts";
import type { ProfiledCall } from "../torch/profile.ts";
import { Gelu, Linear, Sequential } from "./index.ts";
import { chromeTrace, profileModule, summarise } from "./profile.ts";

const call = (name: string, startUs: number, endUs: number, more: Partial<ProfiledCall> = {}): ProfiledCall => ({
  name,
  startUs,
  endUs,
  bytes: 8,
  sequence: -1,
  module: -1,
  thread: 1,
  backward: false,
  ...more,
});

describe("profile", () => {
  it("counts the time of an operator without those inside it, and gives backward nodes to the module that made them", () => {
    const calls = [
      call("aten::linear", 0, 10_000, { module: 0, sequence: 5 }),
      call("aten::addmm", 1000, 9000, { module: 0 }),
      call("aten::view", 9000, 9500, { module: 0 }),
      call("AddmmBackward0", 20_000, 26_000, { backward: true, sequence: 5 }),
      call("aten::mm", 21_000, 25_000),
    ];
    const { byOperator, byModule } = summarise(calls, ["fc"], 40);
    const ms = Object.fromEntries(byOperator.map((row) => [row.name, row.ms]));
    expect(ms).toEqual({ "aten::linear": 1.5, "aten::addmm": 8, "aten::view": 0.5, AddmmBackward0: 2, "aten::mm": 4 });
    expect(byModule).toEqual([{ name: "fc", ms: 16, calls: 5, bytes: 16, share: 0.4 }]);
  });

  it("sees every operator of a training step, by module, and restores the modules", () => {
    const model = new Sequential(new Linear(8, 16), new Gelu(), new Linear(16, 8));
    const x = rand([4, 8]);
    const profile = profileModule(model, () => scope(() => mseLoss(model.forward(x), x).backward()));
    const names = profile.byOperator.map(({ name }) => name);
    for (const name of ["aten::addmm", "aten::gelu", "aten::gelu_backward", "aten::mse_loss_backward"])
      expect(names).toContain(name);
    const owner = (name: string) => profile.modules[profile.calls.find((found) => found.name === name)?.module ?? -1];
    expect(owner("aten::gelu")).toBe("1");
    expect(profile.byModule.map((row) => row.name).sort()).toEqual(["(outside)", "0", "1", "2"]);
    const inside = profile.byOperator.reduce((total, row) => total + row.ms, 0);
    expect(inside).toBeGreaterThan(0);
    expect(inside).toBeLessThanOrEqual(profile.ms);
    expect(Object.getOwnPropertyNames(model)).not.toContain("forward");
    const trace = JSON.parse(chromeTrace(profile)) as { traceEvents: { name: string; dur: number }[] };
    expect(trace.traceEvents).toHaveLength(profile.calls.length);
    expect(noGrad(() => scope(() => model.forward(x).shape))).toEqual([4, 8]);
    model.dispose();
    x.dispose();
  });
});
