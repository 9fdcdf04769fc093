/**
 * Figure 4 of the paper: images reconstructed from patches of 4, 8 and 16 px hidden over 10 to 70 %, as pictures and
 * as PSNR curves.
 *
 * Command: bin/skyloop recipe figure-4 [--data ../shared/data] [--work runs/multitask] [--reports reports]
 *          [--threads 2]
 * Time: about half an hour on two cores without GPU for the fifteen runs that Tables 1 to 4 and Figure 4 share;
 * seconds where they are there already.
 * Expected: the table in docs/results/multitask.md; PSNR falls with share and patch size, above 25 dB at 70 % in
 * patches of 8 px.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SILENT } from "../src/base/progress.ts";
import { centralCrop } from "../src/batches/pictures.ts";
import { lineChart } from "../src/plot/lines.ts";
import { loadImageData, restoreRanges } from "../src/tasks/images/data.ts";
import { evaluateImages, type ShownImage, setupsOf, writeExamples } from "../src/tasks/images/evaluate.ts";
import { loadImageModel } from "../src/tasks/images/model.ts";
import { markdown, shown } from "./common/tables.ts";
import { BUDGET, evaluation, GRID, SEEDS } from "./multitask/runs.ts";
import { claim, foot, ofStrategy, report } from "./multitask/tables.ts";

const found = await evaluation();
const cell = (patchPx: number, share: number) =>
  found.grid.find((entry) => entry.patchPx === patchPx && entry.share === share)?.methods ?? {};
const percent = (share: number) => `${Math.round(100 * share)} %`;
const rows = GRID.patchesPx.map((patchPx) => [
  `${patchPx}x${patchPx}`,
  ...GRID.shares.map(
    (share) =>
      `${cell(patchPx, share).masked.psnr.toFixed(1)} -> ${shown(
        ofStrategy(cell(patchPx, share), "active", ({ psnr }) => psnr),
        1,
      )}`,
  ),
]);
const hardest = cell(8, 0.7);
const of = (key: "psnr" | "ssim") => SEEDS.map((seed) => hardest[`active-${seed}`][key]);
const body = [
  markdown(
    ["Patch size", ...GRID.shares.map((share) => `${percent(share)} hidden: PSNR masked -> reconstructed (dB)`)],
    rows,
  ),
  "",
  claim(
    "reconstruction stands at 70 % hidden in patches of 8 px: above 25 dB",
    of("psnr"),
    SEEDS.map(() => 25),
    2,
  ),
  claim(
    "and above biharmonic inpainting there (dB)",
    of("psnr"),
    SEEDS.map(() => hardest.biharmonic.psnr),
    2,
  ),
  claim(
    "and in SSIM",
    of("ssim"),
    SEEDS.map(() => hardest.biharmonic.ssim),
    3,
  ),
  "",
  `Means over ${GRID.images} test images. ${foot(found)}`,
].join("\n");
report(
  found,
  "figure-4",
  "Figure 4: reconstruction by patch size and share",
  body,
  { grid: found.grid },
  {
    "psnr.svg": lineChart({
      title: "Reconstruction of hidden patches",
      xLabel: "hidden share",
      yLabel: "PSNR (dB)",
      markX: true,
      series: GRID.patchesPx.flatMap((patchPx) => {
        const x = [...GRID.shares];
        const active = x.map((share) => ofStrategy(cell(patchPx, share), "active", ({ psnr }) => psnr));
        return [
          { name: `${patchPx} px, active`, x, y: active.map(({ mean }) => mean), spread: active.map(({ sd }) => sd) },
          {
            name: `${patchPx} px, biharmonic`,
            x,
            y: x.map((share) => cell(patchPx, share).biharmonic.psnr),
            dashed: true,
          },
        ];
      }),
    }),
  },
);

/** Pictures: two galaxies, a row for each patch size, masked and reconstructed at every share. */
const model = loadImageModel(join(found.work, `active-${SEEDS[0]}`, "reconstruct.safetensors"), "reconstruct");
const images = await loadImageData(join(found.work, "galaxy10_decals"), BUDGET.sizePx, BUDGET.splitSeed, SILENT);
const { test } = setupsOf("reconstruct", images, BUDGET.sizePx, restoreRanges(images));
const pictured = images.test.slice(0, 2);
const sheet: ShownImage[] = pictured.flatMap((picture) =>
  GRID.patchesPx.map((patchPx) => {
    const columns = GRID.shares.flatMap((share) => {
      const [example] = evaluateImages(
        { reconstructed: model },
        [picture],
        { ...test, masks: { patchesPx: [patchPx], share: [share, share] } },
        "given only",
        1,
      ).examples;
      return [
        [`${percent(share)} hidden`, example.images.masked],
        [`filled ${percent(share)}`, example.images.reconstructed],
      ] as const;
    });
    return { id: picture.id, images: { ...Object.fromEntries(columns), true: centralCrop(picture, test.sizePx) } };
  }),
);
mkdirSync(join(found.reports, "figure-4"), { recursive: true });
await writeExamples(join(found.reports, "figure-4", "figure-4.png"), sheet, test.sizePx, images.kind);
