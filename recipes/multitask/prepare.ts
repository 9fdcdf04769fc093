/** The surveys that the multitask recipes learn from, made from the public sets. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../../src/base/errors.ts";
import { labelledObjects } from "../../src/evaluate/probe-data.ts";
import { openSurvey, SurveyWriter } from "../../src/survey/folder.ts";
import { publicSurvey } from "../common/surveys.ts";

/**
 * The paper's four classes, from Galaxy Zoo's (clean classes of the Kaggle set; Galaxy Zoo 2 above the thresholds of
 * Willett et al. 2013).
 */
const CLASS_OF: Record<string, string> = {
  elliptical: "elliptical",
  smooth_round: "elliptical",
  smooth_inbetween: "elliptical",
  smooth: "elliptical",
  edge_view_spiral: "edge-on",
  edge_on: "edge-on",
  spiral: "spiral",
  barred_spiral: "spiral",
  merger: "other",
};
const SETS = [
  { name: "gz_kaggle", column: "label" },
  { name: "gz2_votes_1000", column: "label_strict" },
] as const;
const IMAGE_SET = "galaxy10_decals";

/**
 * Makes what is missing below `work`: one survey with the four classes, each galaxy once, and one with the images to
 * restore and reconstruct.
 */
export async function prepareSurveys(data: string, work: string): Promise<{ classes: string; images: string }> {
  const images = await publicSurvey(data, work, IMAGE_SET);
  const classes = join(work, "galaxy-zoo-four");
  if (existsSync(join(classes, "survey.json"))) return { classes, images };
  const parts = await Promise.all(SETS.map(async ({ name }) => openSurvey(await publicSurvey(data, work, name))));
  const { objects, duplicates } = await labelledObjects(
    parts,
    SETS.map(({ column }) => column),
    [],
  );
  const writer = new SurveyWriter(classes, {
    title: "Four classes of Galaxy Zoo",
    kind: "colour",
    bands: ["r", "g", "b"],
    unit: "colour",
    pixelScaleArcsec: null,
    adaptiveCrop: true,
    seed: null,
    command: "recipe galaxy-zoo-four",
  });
  const seen = new Set<number>();
  for (const { row, group } of objects) {
    const second = row >= parts[0].header.count;
    const [part, index] = second ? [1, row - parts[0].header.count] : [0, row];
    const { id, columns, raDeg, decDeg, source, quality, widthPx, heightPx } = parts[part].rows[index];
    const label = CLASS_OF[String(columns[SETS[part].column])];
    if (label === undefined || seen.has(group)) continue;
    seen.add(group);
    const { codec, bytes } = parts[part].readStampBytes(index);
    if (codec === "f32" || codec === "drawn")
      throw new SkyloopError("SURVEY_BROKEN", `${SETS[part].name} holds pictures, not flux`);
    writer.add({
      id: `${SETS[part].name}-${id}`,
      raDeg,
      decDeg,
      source,
      quality,
      columns: { label, set: SETS[part].name },
      widthPx,
      heightPx,
      codec,
      bytes,
    });
  }
  await writer.finish();
  for (const part of parts) part.close();
  process.stderr.write(
    `galaxy-zoo-four: ${seen.size} galaxies; ${duplicates} pairs of the same picture, of which one was taken\n`,
  );
  return { classes, images };
}
