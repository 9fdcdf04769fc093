/** How well parameters are known, as one HTML page that needs no other file. */
import sharp from "sharp";
import { writeFileAtomic } from "../../base/files.ts";
import { html, htmlPage, raw } from "../../plot/html.ts";
import { lineChart } from "../../plot/lines.ts";
import { scatterChart } from "../../plot/scatter.ts";
import { renderRgb8 } from "../../stamps/render.ts";
import type { Survey } from "../../survey/folder.ts";
import type { ParameterResult, ParametersResult } from "./train-parameters.ts";

const SHOWN = 12;
const PICTURE_PX = 112;

async function picture(survey: Survey, row: number): Promise<string> {
  const stamp = await survey.readStamp(row);
  const jpeg = await sharp(renderRgb8(stamp), { raw: { width: stamp.widthPx, height: stamp.heightPx, channels: 3 } })
    .resize(PICTURE_PX, PICTURE_PX, { fit: "inside" })
    .jpeg({ quality: 85 })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}

const number = (value: number) => String(Number(value.toPrecision(3)));
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function tableOf({ scores, baselines, coverage, objects }: ParameterResult, unit: string) {
  const rows: [string, string][] = [
    ["test objects; learned from", `${objects.test}; ${objects.train}`],
    ["root mean square error", `${number(scores.rmse)} ${unit}`],
    ["… of the mean of all objects alone", `${number(baselines.constant)} ${unit}`],
    [
      "… of measured numbers alone",
      baselines.measured === null ? "not tried" : `${number(baselines.measured)} ${unit}`,
    ],
    ["bias (prediction less truth)", `${number(scores.bias)} ${unit}`],
    ["NMAD", `${number(scores.nmad)} ${unit}`],
    ["R2; Spearman", `${scores.r2.toFixed(3)}; ${scores.spearman.toFixed(3)}`],
    ["beyond 3 NMAD; beyond 0.15 (1 + value)", `${percent(scores.beyond3Nmad)}; ${percent(scores.beyond15Percent)}`],
    ["CRPS", `${number(scores.crps)} ${unit}`],
  ];
  const held = (coverage ?? []).map(
    ({ level, all, thirds, meanWidth }) =>
      html`<tr><td>${percent(level)}</td><td>${percent(all)}</td>${thirds.map((third) => html`<td>${percent(third)}</td>`)}<td>${number(meanWidth)} ${unit}</td></tr>`,
  );
  return html`<table>${rows.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>`)}</table>
${
  coverage === null
    ? html`<p><b>No intervals</b>: too few labels to check them on.</p>`
    : html`<p>How often intervals held the truth of test objects; thirds by the width of the interval.</p><table><tr><th>promised</th><th>held</th><th>narrow third</th><th>middle</th><th>wide</th><th>mean width</th></tr>${held}</table>`
}`;
}

async function sectionOf(survey: Survey, result: ParameterResult) {
  const { name, unit = "", test, scores, warnings } = result;
  const off = ({ truth, mean, half }: (typeof test)[number]) =>
    Math.abs(truth - mean) / (Number.isFinite(half) ? half : 1);
  const worst = test.slice().sort((a, b) => off(b) - off(a));
  const figures = await Promise.all(
    worst.slice(0, SHOWN).map(async (one) => {
      const source = await picture(survey, one.row);
      const { id } = survey.row(one.row);
      return html`<figure><img src="${raw(source)}" alt="${id}"><figcaption>${id}<br>catalogue <b>${number(one.truth)}</b><br>predicted <b>${number(one.mean)}</b>${Number.isFinite(one.half) ? ` ± ${number(one.half)}` : ""}</figcaption></figure>`;
    }),
  );
  const bins = scores.pit.map((_, k) => k / 10 + 0.05);
  const charts = [
    scatterChart({
      title: `${name}: test objects`,
      xLabel: `catalogue${unit === "" ? "" : ` [${unit}]`}`,
      yLabel: "predicted, with 68 % interval",
      points: test.map(({ truth, mean, half }) => ({ x: truth, y: mean, half })),
    }),
    lineChart({
      title: "Where the truth falls in the network's own distribution",
      xLabel: "share of the distribution below the truth",
      yLabel: "share of test objects",
      yRange: [0, Math.max(0.25, ...scores.pit.map((count) => count / scores.n))],
      widthPx: 420,
      series: [
        { name: "before intervals are stretched", x: bins, y: scores.pit.map((count) => count / scores.n) },
        { name: "calibrated", x: [0, 1], y: [0.1, 0.1], dashed: true },
      ],
    }),
  ];
  return html`<h2>${name}</h2>${warnings.map((text) => html`<p><b>Beware:</b> ${text}.</p>`)}${tableOf(result, unit)}${charts.map(raw)}
<h3>Farthest from the catalogue, by the width of their interval</h3><p>Where the picture agrees with the prediction, look at the catalogue.</p>${figures}`;
}

/** Writes the page of a training. */
export async function writeParametersReport(path: string, survey: Survey, result: ParametersResult): Promise<void> {
  const { parameters, model, table, seed, command, kept, farObjects, count } = result;
  const sections = [];
  for (const one of parameters) sections.push(await sectionOf(survey, one));
  const from = [
    ...(model === null ? [] : [`features of ${model}`]),
    ...(table === null ? [] : [`measurements ${table}`]),
  ].join(" and ");
  const body = html`<h1>Parameters of ${result.survey}</h1>
<p>Learned from ${from} by five networks a parameter, seed ${seed}. All figures are of objects that took no part in training. Made by <code>${command}</code>.</p>
<p>The whole survey has the columns as <code>${kept}.NAME</code>; what is said of an object that was learned from is of the network that has not seen it. ${farObjects} of ${count} objects are farther from what was learned from than 99 % of that is from itself: their flag has bit 1, and their intervals promise nothing.</p>
${sections}`;
  writeFileAtomic(path, htmlPage(`Parameters of ${result.survey}`, body));
}
