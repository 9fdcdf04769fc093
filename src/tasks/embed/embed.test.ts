import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";
import { SILENT } from "../../base/progress.ts";
import { createModel } from "../../models/index.ts";
import { joinShards } from "../../store/feature-shards.ts";
import { listFeatures, openFeatures } from "../../store/features.ts";
import { scope, writeSafetensors } from "../../torch/index.ts";
import { embedSurvey } from "./embed.ts";

const folder = temporaryFolder();
/** Two blocks, the second large enough to be killed in. */
const COUNT = 400;
let survey = "";
beforeAll(async () => {
  survey = await smallSurvey(folder.path, COUNT);
}, 60_000);
afterAll(() => folder.remove());

describe("embedding", () => {
  it("goes on after kill -9 without computing finished blocks again, and comes out the same in one run, after a kill and in parts", async () => {
    await embedSurvey(survey, { model: "lvm-nano", name: "whole", progress: SILENT });
    const child = spawn(
      process.execPath,
      [join(PACKAGE_ROOT, "bin/skyloop"), "embed", survey, "--model", "lvm-nano", "--name", "killed"],
      {
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    // The first line of progress says that one block is finished.
    await once(child.stderr, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const [left] = listFeatures(survey).filter(({ model }) => model === "killed");
    expect(left.done).toBeGreaterThan(0);
    expect(left.done).toBeLessThan(COUNT);
    expect(() => openFeatures(survey, "killed")).toThrow(/finished for/);
    const { computed } = await embedSurvey(survey, { model: "lvm-nano", name: "killed", progress: SILENT });
    expect(computed).toBe(COUNT - left.done);
    const bytes = (name: string) => readFileSync(join(survey, "features", name, "features.f32"));
    expect(bytes("killed").equals(bytes("whole"))).toBe(true);
    for (const part of [2, 1])
      await embedSurvey(survey, { model: "lvm-nano", name: "parts", shard: { part, of: 2 }, progress: SILENT });
    joinShards(survey, "parts");
    expect(bytes("parts").equals(bytes("whole"))).toBe(true);
    const shard = { part: 1, of: 9 };
    await expect(embedSurvey(survey, { model: "lvm-nano", shard, progress: SILENT })).rejects.toThrow(/at most 2/);
    const features = openFeatures(survey, "whole");
    expect([features.dim, features.count]).toEqual([128, COUNT]);
    expect(features.matrix().every(Number.isFinite)).toBe(true);
    expect(features.row(5)).toEqual(features.rows(3, 8).subarray(256, 384));
    features.close();
  });
  it("refuses to mix weights, and names weights that are missing", async () => {
    const path = join(folder.path, "other.safetensors");
    const model = createModel("lvm-nano");
    scope(() => writeSafetensors(path, model.stateDict()));
    model.dispose();
    await expect(
      embedSurvey(survey, { model: "lvm-nano", name: "whole", weights: path, progress: SILENT }),
    ).rejects.toThrow(/weightsHash.*another name/);
    await embedSurvey(survey, { model: "lvm-nano", name: "other", weights: path, progress: SILENT });
    expect(listFeatures(survey).map(({ model: name }) => name)).toEqual(["killed", "other", "parts", "whole"]);
    await expect(embedSurvey(survey, { model: "lvm-base", progress: SILENT })).rejects.toThrow(
      /no weights of lvm-base/,
    );
    await expect(embedSurvey(survey, { model: "none", progress: SILENT })).rejects.toThrow(/no model none/);
  });
});
