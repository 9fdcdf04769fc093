import { afterAll, describe, expect, it } from "vitest";
import { ChildDied, ChildPool } from "./child-pool.ts";
import { inOrder } from "./in-order.ts";

const pool = new ChildPool(new URL("../../test/fixtures/dying-child.ts", import.meta.url), 2);
afterAll(() => pool.close());
const run = (name: string, input: unknown = null, seconds = 60) =>
  pool.run({ name, input, limits: { memoryBytes: 1e9, seconds } });

describe("child processes", () => {
  it("do jobs on arrays of any size, and say why one was refused", async () => {
    for (const length of [0, 3, 300_000]) {
      const values = Float32Array.from({ length }, (_, i) => i / 3);
      expect(await run("double", values)).toEqual(values.map((value) => 2 * value));
    }
    const large = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((n) => run("double", new Float32Array(100_000).fill(n))));
    expect(large.map((values) => (values as Float32Array)[99_999])).toEqual([2, 4, 6, 8, 10, 12, 14]);
    await expect(run("refuse")).rejects.toMatchObject({ name: "SkyloopError", code: "FILE_EMPTY" });
  });

  it("that die or hang take their own job with them and no other", async () => {
    const jobs = ["double", "die", "double", "double", "hang", "double", "die", "double", "refuse", "double"];
    const results: string[] = [];
    for await (const [, result] of inOrder(jobs, 4, (name) =>
      run(name, Float32Array.of(1), name === "hang" ? 0.3 : 60).then(String, (error) =>
        error instanceof ChildDied ? `${error.death.how} ${error.death.signal}` : error.code,
      ),
    ))
      results.push(result);
    const expected = jobs.map(
      (name) => ({ double: "2", die: "crash SIGSEGV", hang: "time SIGKILL", refuse: "FILE_EMPTY" })[name],
    );
    expect(results).toEqual(expected);
  });
});
