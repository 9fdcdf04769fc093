import { beforeAll, expect, it } from "vitest";
import { createModel } from "../../src/models/index.ts";
import { savePredictions } from "../../src/store/predictions.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { saveHead } from "../../src/tasks/heads.ts";
import { taskDecoder } from "../../src/tasks/images/image-task.ts";
import { disposeImageModel } from "../../src/tasks/images/model.ts";
import { TASKS } from "../../src/tasks/index.ts";
import { manualSeed } from "../../src/torch/index.ts";
import { face, openSession, openWorld, tile } from "./harness.ts";

const HEAD = "before-after";
const world = openWorld({
  heads(folder) {
    manualSeed(1);
    const encoder = createModel("lvm-nano");
    const decoder = taskDecoder(encoder, "restore");
    const path = `${folder}/${HEAD}.safetensors`;
    const card = {
      task: "restore",
      model: "lvm-nano",
      kind: "flux",
      sizePx: 64,
      degradation: "nothing",
      steps: 0,
      seed: 1,
      dataHash: "none",
    } as const;
    saveHead(path, TASKS[card.task], { encoder, decoder, card });
    disposeImageModel({ encoder, decoder, card });
    return [path];
  },
});
let session = "";
let picks: string[] = [];
let sure = "";
beforeAll(async () => {
  ({ session, picks } = await world.begin("Beside"));
  const survey = await openSurvey(world.survey);
  sure = picks[0];
  const place = survey.indexOf(sure) as number;
  const probabilities = Float32Array.from({ length: 2 * survey.header.count }, (_, i) =>
    Math.floor(i / 2) === place ? [0.06, 0.94][i % 2] : [0.7, 0.3][i % 2],
  );
  const { dataHash, count } = survey.header;
  const header = {
    task: "classify",
    head: "h",
    model: "toy",
    dataHash,
    count,
    madeAt: "2026-01-01T00:00:00Z",
  };
  const names = ["smooth", "spiral"];
  savePredictions(world.survey, "kinds", header, {
    columns: names.map((name) => ({ name })),
    values: probabilities,
    offsets: null,
    classes: { column: "kind", names },
  });
  savePredictions(
    world.survey,
    "parameters",
    { ...header, task: "parameters" },
    {
      columns: [
        { name: "T", about: "T, predicted" },
        ...["T_lo68", "T_hi68", "T_lo90", "T_hi90"].map((name) => ({ name })),
        { name: "T_flag", whole: true, bits: ["far", "interval beyond what was learned", "no interval"] },
      ],
      values: Float32Array.from({ length: 6 * count }, (_, i) => [2.5, 1, 4.25, 0, 5, 3][i % 6]),
      offsets: null,
    },
  );
  survey.close();
});

it("an object shows a number with its interval, and its flags in words", async () => {
  const page = await openSession(world, session);
  await tile(page, sure)
    .getByRole("button", { name: `Look at ${sure} closely` })
    .click();
  const table = page.getByRole("region", { name: "Table parameters" });
  await table.waitFor();
  expect(await table.getByRole("row").allTextContents()).toEqual([
    "T2.5  1 to 4.25 (68 %)",
    "T_flagfar, interval beyond what was learned ",
  ]);
});

it("an object shows what a trained head says of it, and the ranking beside its score", async () => {
  const page = await openSession(world, session);
  await tile(page, sure)
    .getByRole("button", { name: `Look at ${sure} closely` })
    .click();
  const said = page.getByRole("region", { name: "Predictions kinds" });
  await said.waitFor();
  expect(await said.getByRole("listitem").allTextContents()).toEqual(["spiral94\u00a0%", "smooth6\u00a0%"]);

  const ranking = await world.open(`/session/${session}/results`);
  await ranking.locator(".tile[data-object]").first().waitFor();
  await ranking.getByLabel("Predictions").selectOption("kinds");
  const first = ranking.locator(".tile[data-object]").first();
  const id = (await first.getAttribute("data-object")) as string;
  await first.getByText(id === sure ? "spiral 94 %" : "smooth 70 %").waitFor();
  await ranking.getByLabel("Predictions").selectOption("");
  await first.getByText("%").waitFor({ state: "detached" });
});

it("a slider shows an object before and after restoration", async () => {
  const page = await world.open(`/session/${session}/results`);
  await page.locator(".tile[data-object]").first().waitFor();
  const object = (await page.locator(".tile[data-object]").first().getAttribute("data-object")) as string;
  await face(page, object).click();
  await page.getByRole("button", { name: `Restored ${HEAD}` }).click();
  const after = page.getByRole("img", { name: `${object}, restored` });
  await after.waitFor();
  expect(await after.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(512);
  const covered = () => after.evaluate((image) => (image as HTMLElement).style.clipPath);
  expect(await covered()).toBe("inset(0px 0px 0px 50%)");
  const slider = page.getByRole("slider", { name: "Share of the picture that is shown as it is" });
  await slider.focus();
  await page.keyboard.press("Home");
  await expect.poll(covered).toMatch(/^inset\(0(px)? 0(px)? 0(px)? 0(%|px)?\)$|^inset\(0(px|%)?\)$/);
});
