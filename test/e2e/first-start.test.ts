import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import type { SurveyInfo } from "../../src/contract/api.ts";
import { freePort } from "../fixtures/free-port.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { until } from "./harness.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** Processes whose command line names the survey of this test. */
async function computing(): Promise<number> {
  const { execFileSync } = await import("node:child_process");
  const lines = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(`embed ${folder.path}`)).length;
}

it("serves the demo before its features are there, computes them meanwhile, adds a wide image, and takes no process along", async () => {
  const port = await freePort();
  const survey = join(folder.path, "demo");
  const args = ["start", "--survey", survey, "--count", "120", "--port", String(port)];
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), ...args], { stdio: "ignore" });
  const infoOf = async (name: string): Promise<SurveyInfo> =>
    (await (await fetch(`http://127.0.0.1:${port}/api/surveys/${name}`)).json()) as SurveyInfo;
  const info = () => infoOf("demo");
  try {
    await until(
      () =>
        info()
          .then((found) => found.count === 120)
          .catch(() => false),
      100_000,
    );
    // Any object can be looked at already.
    const picture = await fetch(`http://127.0.0.1:${port}/api/surveys/demo/objects/sim-000110/picture?size=64`);
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/webp"]);
    await until(async () => (await info()).features.some(({ done, total }) => done === 120 && total === 120), 100_000);
    await until(async () => (await infoOf("demo-field")).features?.some(({ done, total }) => done === total), 100_000);
    const field = await infoOf("demo-field");
    expect([field.fields, field.title]).toEqual([1, expect.stringMatching(/^Lens/)]);
    expect(field.count).toBeGreaterThan(5);
    await until(async () => (await computing()) === 0);
  } finally {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
  }
}, 240_000);

it("ends the computing of features when it is ended", async () => {
  const port = await freePort();
  const survey = join(folder.path, "ended");
  const args = ["start", "--survey", survey, "--count", "2000", "--port", String(port)];
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), ...args], { stdio: "ignore" });
  await until(async () => (await computing()) === 1, 100_000);
  child.kill("SIGTERM");
  await new Promise((resolve) => child.once("exit", resolve));
  await until(async () => (await computing()) === 0);
}, 240_000);
