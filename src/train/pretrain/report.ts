/**
 * What a pre-training run did, as one HTML page that needs no other file: its recipe, its curves, and pictures of what
 * the network saw and drew.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { writeFileAtomic } from "../../base/files.ts";
import { html, htmlPage, type Markup, raw } from "../../plot/html.ts";
import { lineChart } from "../../plot/lines.ts";

/** A row of pictures: [N, 3, S, S] in [0, 1], red first. */
export interface PictureRow {
  title: string;
  pixels: Float32Array;
  sizePx: number;
}

/** Points of a curve; each is the mean of the steps that it stands for. */
const POINTS = 150;
/** What is drawn, by fields of the metrics. The parts of the loss follow under their own names. */
const CHARTS: Record<string, string> = {
  loss: "Loss",
  gradNorm: "Norm of the gradients before clipping",
  learningRate: "Learning rate",
  waitMs: "Waiting for images, ms a step",
};
const NOT_PARTS = new Set(["step", "seconds", "cpuSeconds", ...Object.keys(CHARTS)]);

type Metrics = Record<string, number>;

/** Reads the metrics of a run's folder, a line for each step. */
function readMetrics(out: string): Metrics[] {
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").split("\n");
  return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Metrics);
}

function curve(metrics: Metrics[], field: string): { x: number[]; y: number[] } {
  const stride = Math.max(1, Math.ceil(metrics.length / POINTS));
  const [x, y]: number[][] = [[], []];
  for (let from = 0; from < metrics.length; from += stride) {
    const values = metrics.slice(from, from + stride).flatMap((line) => line[field] ?? []);
    if (values.length === 0) continue;
    x.push(metrics[Math.min(metrics.length, from + stride) - 1].step);
    y.push(values.reduce((sum, value) => sum + value, 0) / values.length);
  }
  return { x, y };
}

async function sheet({ title, pixels, sizePx }: PictureRow): Promise<Markup> {
  const plane = sizePx * sizePx;
  const count = pixels.length / (3 * plane);
  const [width, gap] = [count * sizePx + (count - 1) * 2, 2];
  const bytes = Buffer.alloc(3 * width * sizePx, 255);
  for (let n = 0; n < count; n++)
    for (let p = 0; p < plane; p++)
      for (let c = 0; c < 3; c++) {
        const x = n * (sizePx + gap) + (p % sizePx);
        bytes[3 * (Math.floor(p / sizePx) * width + x) + c] = Math.round(
          255 * Math.min(1, Math.max(0, pixels[(3 * n + c) * plane + p])),
        );
      }
  const png = await sharp(bytes, { raw: { width, height: sizePx, channels: 3 } })
    .png()
    .toBuffer();
  const source = `data:image/png;base64,${png.toString("base64")}`;
  return html`<figure class="sheet"><figcaption>${title}</figcaption><img src="${raw(source)}" alt="${title}"></figure>`;
}

/**
 * Writes `report.html` into a run's folder, from its `run.json` and `metrics.jsonl` and from pictures of its last
 * weights.
 */
export async function writePretrainReport(out: string, pictures: PictureRow[]): Promise<void> {
  const run = JSON.parse(readFileSync(join(out, "run.json"), "utf8")) as {
    recipe: { model: string; steps: number; batchSize: number; accumulate: number; objectives: object };
  };
  const metrics = readMetrics(out);
  const last = metrics[metrics.length - 1];
  const { model, steps, batchSize, accumulate, objectives } = run.recipe;
  const parts = [...new Set(metrics.flatMap((line) => Object.keys(line)))].filter((field) => !NOT_PARTS.has(field));
  const charts = [...Object.keys(CHARTS), ...parts].map((field) =>
    lineChart({
      title: CHARTS[field] ?? field,
      xLabel: "step",
      yLabel: "",
      widthPx: 520,
      heightPx: 300,
      series: [{ name: "", ...curve(metrics, field) }],
    }),
  );
  const title = `Pre-training of ${model}`;
  const body = html`<h1>${title}</h1>
<p>${Object.keys(objectives).join(" and ")}: step <b>${last.step}</b> of ${steps}, ${batchSize * accumulate} galaxies each; loss ${last.loss.toPrecision(4)}, ${(last.seconds / 60).toFixed(1)} minutes, ${(last.cpuSeconds / 3600).toFixed(2)} hours of processor time.</p>
${charts.map(raw)}
<h2>What the network saw and drew</h2>
${await Promise.all(pictures.map(sheet))}
<h2>The run</h2>
<pre>${JSON.stringify(run, null, 2)}</pre>`;
  writeFileAtomic(join(out, "report.html"), htmlPage(title, body));
}
