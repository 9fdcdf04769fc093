import { describe, expect, it } from "vitest";
import { readShard } from "./shards.ts";

describe("readShard", () => {
  it("reads a part, and the variables of Slurm's arrays and of torchrun", () => {
    expect(readShard("2/16")).toEqual({ part: 2, of: 16 });
    const slurm = { SLURM_ARRAY_TASK_ID: "7", SLURM_ARRAY_TASK_COUNT: "8", SLURM_ARRAY_TASK_MIN: "0" };
    expect(readShard("auto", slurm)).toEqual({ part: 8, of: 8 });
    expect(readShard("auto", { RANK: "0", WORLD_SIZE: "4" })).toEqual({ part: 1, of: 4 });
  });
  it("refuses what names no part", () => {
    expect(() => readShard("2")).toThrow(/PART\/OF/);
    expect(() => readShard("1/2/3")).toThrow(/PART\/OF/);
    expect(() => readShard("auto", {})).toThrow(/SLURM_ARRAY_TASK_ID/);
  });
});
