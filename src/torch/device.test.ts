import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { zeros } from "./index.ts";

const run = promisify(execFile);

describe("another device", () => {
  it("gives what the CPU gives within 1e-4: no tensor is left on the CPU, and no operator of ours is asked for", async () => {
    const script = ["--import", "tsx", "test/fixtures/on-device.ts"];
    const [here, there] = await Promise.all(
      [[], ["gpu"]].map(async (more) =>
        JSON.parse((await run(process.execPath, [...script, ...more], { cwd: PACKAGE_ROOT })).stdout),
      ),
    );
    expect([here.calls, there.calls > 1000]).toEqual([0, true]);
    expect(Object.keys(here.values)).toEqual([
      ...["encoder", "classifier", "detector", "found"],
      ...["features", "scores", "pretrain"],
    ]);
    // Eight bits of each factor.
    expect([here.shortened, there.shortened > 1e-4, there.shortened < 0.05]).toEqual([0, true, true]);
    for (const [name, values] of Object.entries<number[]>(here.values)) {
      const largest = Math.max(...values.map(Math.abs));
      const apart = values.map((value, i) => Math.abs(value - there.values[name][i]) / largest);
      expect(Math.max(...apart), name).toBeLessThan(1e-4);
    }
  });

  it.each([
    ["cuda", "DEVICE_MISSING"],
    ["cuda:1", "DEVICE_MISSING"],
    ["gpu", "BAD_OPTION"],
  ])("that is not there, or is none, is refused: %s", (name, code) => {
    vi.stubEnv("SKYLOOP_DEVICE", name);
    expect(() => zeros([1])).toThrow(expect.objectContaining({ code }));
    vi.unstubAllEnvs();
  });
});
