/** Stamps of a flux survey for other programs: `npx tsx test/golden/gen/stamps.ts SURVEY OUT` writes OUT.f32, OUT.json. */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { openSurvey } from "../../../src/survey/folder.ts";

const [folder, out] = process.argv.slice(2);
const survey = await openSurvey(folder);
const file = openSync(`${out}.f32`, "w");
const shapes: number[][] = [];
for (let row = 0; row < survey.count; row++) {
  const { data, bands, heightPx, widthPx } = await survey.readStamp(row);
  shapes.push([bands.length, heightPx, widthPx]);
  writeSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
closeSync(file);
writeFileSync(`${out}.json`, JSON.stringify({ shapes, columns: survey.rows.map(({ columns }) => columns) }));
survey.close();
