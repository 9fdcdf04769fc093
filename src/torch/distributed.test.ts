import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort } from "../../test/fixtures/free-port.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { placeFrom } from "./distributed.ts";

/** Runs the processes of test/distributed/worker.ts to their ends; each one's output, errors and exit code. */
async function run(size: number, ...args: string[]): Promise<{ out: string; err: string; code: number | null }[]> {
  const port = await freePort();
  const children = Array.from({ length: size }, (_, rank) =>
    spawn(process.execPath, ["--import", "tsx", join(PACKAGE_ROOT, "test/distributed/worker.ts"), ...args], {
      cwd: PACKAGE_ROOT,
      env: {
        ...process.env,
        OMP_NUM_THREADS: "1",
        ...(size > 1 ? { RANK: String(rank), WORLD_SIZE: String(size), MASTER_PORT: String(port) } : {}),
      },
    }),
  );
  const ended = children.map(
    (child) =>
      new Promise<{ out: string; err: string; code: number | null }>((done) => {
        let [out, err] = ["", ""];
        child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
        child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
        child.on("close", (code) => done({ out, err, code }));
      }),
  );
  // A process that hangs is ended with the first one that has noticed.
  await ended[0];
  for (const child of children.slice(1)) setTimeout(() => child.kill("SIGKILL"), 1000).unref();
  return Promise.all(ended);
}

describe("a place in a group", () => {
  it("comes from torchrun's variables, from Slurm's, or there is none", () => {
    expect(placeFrom({})).toBeNull();
    expect(placeFrom({ RANK: "0", WORLD_SIZE: "1" })).toBeNull();
    expect(placeFrom({ RANK: "1", WORLD_SIZE: "4", MASTER_ADDR: "node7", MASTER_PORT: "1234" })).toMatchObject({
      rank: 1,
      size: 4,
      host: "node7",
      port: 1234,
    });
    expect(placeFrom({ RANK: "0", WORLD_SIZE: "2" })).toMatchObject({ host: "localhost", isServer: true });
    expect(placeFrom({ RANK: "0", WORLD_SIZE: "2", TORCHELASTIC_USE_AGENT_STORE: "True" })?.isServer).toBe(false);
    const slurm = {
      SLURM_PROCID: "3",
      SLURM_STEP_NUM_TASKS: "8",
      SLURM_JOB_ID: "40001",
      SLURM_LAUNCH_NODE_IPADDR: "10.0.0.2",
    };
    expect(placeFrom(slurm)).toMatchObject({ rank: 3, size: 8, host: "10.0.0.2", port: 20_001 });
    expect(() => placeFrom({ RANK: "2", WORLD_SIZE: "2" })).toThrow(/no place in a group/);
    expect(() => placeFrom({ RANK: "0" })).toThrow(/no place in a group/);
  });
});

describe("two processes", () => {
  it("give the same losses as one with the same batches, which do not divide evenly, within 1e-5", async () => {
    const [[one], [two, other]] = [await run(1, "6"), await run(2, "6")];
    expect([one.err, two.err, other.err]).toEqual(["", "", ""]);
    const [alone, together] = [one, two].map(({ out }) => JSON.parse(out) as number[]);
    const worst = Math.max(...alone.map((loss, i) => Math.abs(loss - together[i]) / loss));
    console.log(`largest relative difference of ${alone.length} losses ${worst.toExponential(1)}`);
    expect(alone.length).toBe(6);
    expect(alone[5]).toBeLessThan(alone[0]);
    expect(worst).toBeLessThan(1e-5);
  }, 120_000);

  it.each(["kill", "hang"])(
    "end with a clear error when one of them is gone (%s)",
    async (fault) => {
      const [first] = await run(2, "8", fault, "2");
      expect(first.code).not.toBe(0);
      expect(first.err).toMatch(
        /process 0 of 2 lost the others while gradients were summed.*goes on from its last checkpoint/,
      );
    },
    120_000,
  );
});
