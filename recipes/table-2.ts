/**
 * Table 2 of the paper: restoration of blurred and noisy images, by strategy, beside Richardson-Lucy and Wiener with
 * the true point spread.
 *
 * Command: bin/skyloop recipe table-2 [--data ../shared/data] [--work runs/multitask] [--reports reports] [--threads 2]
 * Time: about half an hour on two cores without GPU for the fifteen runs that Tables 1 to 4 and Figure 4 share;
 * seconds where they are there already.
 * Expected: PSNR 27.41 dB blurred; 32.47, 32.51, 32.49 +- 0.05 to 0.07 for the three strategies; Richardson-Lucy 31.97
 * and Wiener 32.49. All are told the true point spread; the classical methods are set on validation images.
 */

import { STRATEGIES } from "../src/train/multitask/multitask.ts";
import { markdown } from "./common/tables.ts";
import { evaluation, SEEDS } from "./multitask/runs.ts";
import { claim, foot, historyChart, imageRows, ofStrategy, report } from "./multitask/tables.ts";

const PAPER = {
  pretrain: ["0.00084", "31.31", "0.51"],
  uniform: ["0.00083", "31.35", "0.54"],
  active: ["0.00049", "33.34", "0.56"],
};
const found = await evaluation();
const { restore } = found;
const psnrs = (strategy: string) => SEEDS.map((seed) => restore[`${strategy}-${seed}`].psnr);
const rows = imageRows(
  restore,
  { name: "Blurred images", key: "blurred", paper: ["0.00094", "31.11", "0.48"] },
  [
    ["Richardson-Lucy (true PSF)", "Richardson-Lucy"],
    ["Wiener (true PSF)", "Wiener"],
  ],
  PAPER,
  false,
);
const light = (name: string, median: string) => `${name} ${median}`;
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
const body = [
  markdown(["Restoration task", "paper: MSE, PSNR, SSIM", "MSE", "PSNR (dB)", "SSIM"], rows),
  "",
  claim(
    "restored images beat blurred ones in PSNR (active, dB)",
    psnrs("active"),
    SEEDS.map(() => restore.blurred.psnr),
    2,
  ),
  claim(
    "and in SSIM",
    SEEDS.map((seed) => restore[`active-${seed}`].ssim),
    SEEDS.map(() => restore.blurred.ssim),
    3,
  ),
  claim(
    "they beat Richardson-Lucy with the true point spread (dB)",
    psnrs("active"),
    SEEDS.map(() => restore["Richardson-Lucy"].psnr),
    2,
  ),
  claim(
    "they beat Wiener with the true point spread (dB)",
    psnrs("active"),
    SEEDS.map(() => restore.Wiener.psnr),
    2,
  ),
  claim("uniform multitask training beats the frozen encoder (dB)", psnrs("uniform"), psnrs("pretrain"), 2),
  claim("active multitask training beats the frozen encoder (dB)", psnrs("active"), psnrs("pretrain"), 2),
  claim("active beats uniform (dB)", psnrs("active"), psnrs("uniform"), 2),
  "",
  `Brightness of the middle (aperture of a quarter of the side, sky subtracted) as a share of the true image's, median and 68 % half-range over the images: ${[
    ...["blurred", "Richardson-Lucy", "Wiener"].map((name) =>
      light(name, `${percent(restore[name].light.median)} +- ${percent(restore[name].light.scatter)}`),
    ),
    ...STRATEGIES.map((strategy) =>
      light(
        strategy,
        `${percent(ofStrategy(restore, strategy, (scores) => scores.light.median).mean)} +- ${percent(ofStrategy(restore, strategy, (scores) => scores.light.scatter).mean)}`,
      ),
    ),
  ].join("; ")}.`,
  "",
  foot(found),
].join("\n");
report(
  found,
  "table-2",
  "Table 2: restoration",
  body,
  { paper: PAPER, methods: restore },
  {
    "validation-psnr.svg": historyChart(
      "PSNR on the validation split",
      "PSNR (dB)",
      STRATEGIES.map((strategy) => ({
        name: strategy,
        runs: found.runs.filter((run) => run.strategy === strategy),
        of: ({ measures }) => measures[1].psnr,
      })),
    ),
  },
);
