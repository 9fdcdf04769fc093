import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { scope, type Tensor, tensor } from "../torch/index.ts";
import { loadImageBank } from "./image-bank.ts";

const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  survey = await smallSurvey(folder.path, 24);
}, 60_000);
afterAll(() => folder.remove());

/** Cuts off the last eighth of the survey's only pack. */
function spoil(): void {
  const path = join(survey, "stamps", readdirSync(join(survey, "stamps"))[0]);
  truncateSync(path, Math.floor((statSync(path).size * 7) / 8));
}

it("holds the images of a process's own shards, and every process leaves out what one of them could not read", async () => {
  const whole = await loadImageBank([survey], 16, SILENT);
  expect(whole).toMatchObject({ count: 24, skipped: 0 });
  spoil();
  const flags: Float32Array[] = [];
  const load = (rank: number, others?: Float32Array) =>
    loadImageBank([survey], 16, SILENT, {
      shards: 4,
      group: {
        rank,
        size: 2,
        sumInto(values: Tensor) {
          flags.push(values.toFloat32Array());
          if (others !== undefined) values.copy_(values.add(tensor(others, [others.length])));
        },
      },
    });
  for (const rank of [0, 1]) (await load(rank)).close();
  const [first, second] = [...flags];
  const bad = [...first.keys()].filter((stamp) => first[stamp] + second[stamp] > 0);
  expect(bad).toEqual([21, 22, 23]);
  const banks = [await load(0, second), await load(1, first)];
  for (const [rank, bank] of banks.entries()) {
    expect(bank).toMatchObject({ count: 24 - bad.length, skipped: bad.length });
    expect(bank.truth).toEqual(whole.truth.filter((_, stamp) => !bad.includes(stamp)));
    const stamps = [...whole.truth.keys()].filter((stamp) => !bad.includes(stamp));
    expect([...(bank.shards?.of ?? [])]).toEqual(stamps.map((stamp) => stamp % 4));
    for (const [row, stamp] of stamps.entries())
      scope(() => {
        if (stamp % 2 === rank) expect(bank.take([row]).toFloat32Array()).toEqual(whole.take([stamp]).toFloat32Array());
        else expect(() => bank.take([row])).toThrow(/held by another process/);
      });
    expect((bank.place.images as SharedArrayBuffer).byteLength).toBe(
      2 * 3 * 16 * 16 * stamps.filter((stamp) => stamp % 2 === rank).length,
    );
    bank.close();
  }
  whole.close();
});
