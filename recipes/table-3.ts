/**
 * Table 3 of the paper: reconstruction of images with patches of 4, 8 and 16 px hidden over 0 to 70 %, by strategy,
 * beside nearest and biharmonic inpainting.
 *
 * Command: bin/skyloop recipe table-3 [--data ../shared/data] [--work runs/multitask] [--reports reports] [--threads 2]
 * Time: about half an hour on two cores without GPU for the fifteen runs that Tables 1 to 4 and Figure 4 share;
 * seconds where they are there already.
 * Expected: PSNR 16.03 dB masked; 35.32 +- 0.11 frozen, 35.33 +- 0.12 uniform, 35.20 +- 0.27 active; biharmonic 34.43,
 * nearest 30.84.
 */

import { STRATEGIES } from "../src/train/multitask/multitask.ts";
import { markdown } from "./common/tables.ts";
import { evaluation, SEEDS } from "./multitask/runs.ts";
import { claim, foot, historyChart, imageRows, report } from "./multitask/tables.ts";

const PAPER = {
  pretrain: ["0.0089", "22.36", "0.49"],
  uniform: ["0.0040", "26.07", "0.61"],
  active: ["0.0038", "26.84", "0.64"],
};
const found = await evaluation();
const { reconstruct } = found;
const psnrs = (strategy: string) => SEEDS.map((seed) => reconstruct[`${strategy}-${seed}`].psnr);
const rows = imageRows(
  reconstruct,
  { name: "Masked images", key: "masked", paper: ["0.0248", "15.64", "0.36"] },
  [
    ["Nearest known pixel", "nearest"],
    ["Biharmonic inpainting", "biharmonic"],
  ],
  PAPER,
  true,
);
const body = [
  markdown(
    ["Reconstruction task", "paper: MSE, PSNR, SSIM", "MSE", "PSNR (dB)", "SSIM", "PSNR of hidden pixels (dB)"],
    rows,
  ),
  "",
  claim("uniform multitask training beats the frozen encoder (dB)", psnrs("uniform"), psnrs("pretrain"), 2),
  claim("active multitask training beats the frozen encoder (dB)", psnrs("active"), psnrs("pretrain"), 2),
  claim("active beats uniform (dB)", psnrs("active"), psnrs("uniform"), 2),
  claim(
    "active beats nearest inpainting (dB)",
    psnrs("active"),
    SEEDS.map(() => reconstruct.nearest.psnr),
    2,
  ),
  claim(
    "active beats biharmonic inpainting (dB)",
    psnrs("active"),
    SEEDS.map(() => reconstruct.biharmonic.psnr),
    2,
  ),
  "",
  "Known pixels are kept as they were given; the paper's network writes all pixels anew, so that its numbers hold its errors there too.",
  "",
  foot(found),
].join("\n");
report(
  found,
  "table-3",
  "Table 3: reconstruction",
  body,
  { paper: PAPER, methods: reconstruct },
  {
    "validation-psnr.svg": historyChart(
      "PSNR on the validation split",
      "PSNR (dB)",
      STRATEGIES.map((strategy) => ({
        name: strategy,
        runs: found.runs.filter((run) => run.strategy === strategy),
        of: ({ measures }) => measures[2].psnr,
      })),
    ),
  },
);
