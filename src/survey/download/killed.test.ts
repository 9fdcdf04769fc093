import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { wellBehaved } from "../../../test/fixtures/cutout-service.ts";
import { download, downloadPlace } from "../../../test/fixtures/downloads.ts";
import { PACKAGE_ROOT } from "../../base/paths.ts";

const { newName, serve, catalogue } = downloadPlace();

it("survey download makes the same survey byte for byte after being killed, and asks only for what is missing", async () => {
  const count = 60;
  const rows = Array.from({ length: count }, (_, i): [string, number, number] => [`o${i}`, 10 + i, 1]);
  const path = catalogue(rows);
  const slow = await serve(
    {},
    (asked, response, request) => void setTimeout(() => wellBehaved(asked, response, request), 4),
  );
  const [whole, killed] = [newName(), newName()];
  await download({ out: whole, catalogue: path, from: slow.template, sizePx: 32 });
  const counted = new Map(slow.counts);
  expect([...counted.values()]).toEqual(Array(count).fill(1));
  slow.counts.clear();
  const args = [
    "survey",
    "download",
    killed,
    "--catalogue",
    path,
    "--from",
    slow.template,
    "--size",
    "32",
    "--rate",
    "200",
  ];
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), ...args], { stdio: "ignore" });
  while (slow.counts.size < count / 3) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGKILL");
  await new Promise((resolve) => child.on("close", resolve));
  // What a kill cuts short in the middle of a line.
  writeFileSync(join(`${killed}.download`, "journal.jsonl"), '{"row":59,"pa', { flag: "a" });
  const before = slow.counts.size;
  await download({ out: killed, catalogue: path, from: slow.template, sizePx: 32 });
  expect(slow.counts.size).toBe(count);
  const twice = [...slow.counts.values()].filter((times) => times > 1).length;
  // Those that were under way when it was killed.
  expect([before < count, twice <= 4]).toEqual([true, true]);
  for (const file of ["catalogue.parquet", "stamps/0000.pack", "problems.json"])
    expect(readFileSync(join(killed, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
  const header = (survey: string) => JSON.parse(readFileSync(join(survey, "survey.json"), "utf8"));
  expect(header(killed).dataHash).toBe(header(whole).dataHash);
});
