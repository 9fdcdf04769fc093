import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { SILENT } from "../base/progress.ts";
import { createSurvey } from "./create.ts";
import { openSurvey } from "./folder.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

it("reads no other file that an HDF5 file names, and names the columns that no cell holds", async () => {
  const images = join(folder.path, "images");
  const out = join(folder.path, "survey");
  mkdirSync(images);
  for (const name of ["external.h5", "columns.h5"])
    cpSync(join(PACKAGE_ROOT, "test/golden/hdf5", name), join(images, name));
  await createSurvey({ images, out, adaptiveCrop: false, command: "test", progress: SILENT });
  const { rows, columns, problems, close } = await openSurvey(out);
  close();
  expect(rows.map(({ id }) => id)).toEqual([
    "18446744073709551615",
    "9223372036854775808",
    "9007199254740993",
    "9007199254740994",
  ]);
  expect(columns.map(({ name }) => name)).toEqual([]);
  expect(problems.map(({ source, message, kept }) => `${source} ${kept} ${message}`)).toEqual([
    expect.stringMatching(/^columns\.h5 true column fit is left out: .*compound/),
    expect.stringMatching(/^columns\.h5 true column shape is left out: .*\[4, 2\]/),
    expect.stringMatching(/^columns\.h5 true column z is left out: z is virtual, .*nowhere\.h5/),
    expect.stringMatching(/^external\.h5\[0\] false .*the HDF5 library/),
  ]);
});
