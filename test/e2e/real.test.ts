import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { SILENT } from "../../src/base/progress.ts";
import { createSurvey } from "../../src/survey/create.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { embedSurvey } from "../../src/tasks/embed/embed.ts";
import { freePort } from "../fixtures/free-port.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { allSaved, openSession, openWorld, shown, startServer } from "./harness.ts";

const shared = join(PACKAGE_ROOT, "../shared/data/galaxy10_decals");
const world = openWorld();

describe.skipIf(!existsSync(shared))("on real images", () => {
  it("carries a whole session with the released weights", async () => {
    const folder = temporaryFolder();
    const real = join(folder.path, "real");
    await createSurvey({ out: real, images: shared, adaptiveCrop: true, command: "test", progress: SILENT });
    await embedSurvey(real, { model: "lvm-nano", progress: SILENT });
    const opened = await openSurvey(real);
    const ids = opened.rows.map(({ id }) => id);
    const wanted = new Set(opened.rows.filter((row) => row.columns.label4 === "edge_on").map(({ id }) => id));
    opened.close();
    await world.server.kill();
    world.server = await startServer([real], await freePort());
    const { session } = await world.begin("Edge-on", {
      survey: "real",
      model: "lvm-nano",
      pageSize: 24,
      positive: [...wanted].slice(0, 3),
      negative: ids.filter((id) => !wanted.has(id)).slice(0, 3),
    });
    const page = await openSession(world, session);
    for (let round = 2; round <= 3; round++) {
      for (const id of await shown(page)) await page.keyboard.press(wanted.has(id) ? "1" : "0");
      await allSaved(page);
      await page.keyboard.press("Enter");
      await page.getByText(new RegExp(`^round ${round}`)).waitFor();
    }
    const ranking = await world.ask<{ rows: { object: string }[] }>(`/sessions/${session}/ranking?limit=50`);
    const hits = ranking.rows.filter(({ object }) => wanted.has(object)).length;
    console.log(`edge-on galaxies among the first 50 of the ranking: ${hits} (${wanted.size} of ${ids.length} are)`);
    // By chance 10 of 50.
    expect(hits).toBeGreaterThan(20);
    folder.remove();
  });
});
