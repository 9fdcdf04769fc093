/** What a classifier can and cannot do, as one HTML page that needs no other file. */
import sharp from "sharp";
import { writeFileAtomic } from "../../base/files.ts";
import { mostProbable } from "../../measure/classification.ts";
import { html, htmlPage, raw } from "../../plot/html.ts";
import { lineChart } from "../../plot/lines.ts";
import { confusionChart } from "../../plot/matrix.ts";
import { renderRgb8 } from "../../stamps/render.ts";
import type { Survey } from "../../survey/folder.ts";
import type { ClassifyResult } from "./result.ts";

/** Pictures of mistakes on the page. */
const SHOWN = 24;
const PICTURE_PX = 128;

/** An object of the test split: its row in the catalogue and the number of its true class. */
export interface TestObject {
  row: number;
  truth: number;
}

/** The wrongly classified objects, the most certain first: place in `objects`, predicted class and its probability. */
export function certainMistakes(
  objects: TestObject[],
  probabilities: Float32Array,
  classes: number,
): { at: number; predicted: number; confidence: number }[] {
  const predicted = mostProbable(probabilities, classes);
  return objects
    .map(({ truth }, at) => ({
      at,
      truth,
      predicted: predicted[at],
      confidence: probabilities[at * classes + predicted[at]],
    }))
    .filter((object) => object.predicted !== object.truth)
    .sort((a, b) => b.confidence - a.confidence || a.at - b.at)
    .map(({ at, predicted, confidence }) => ({ at, predicted, confidence }));
}

async function picture(survey: Survey, row: number): Promise<string> {
  const stamp = await survey.readStamp(row);
  const jpeg = await sharp(renderRgb8(stamp), { raw: { width: stamp.widthPx, height: stamp.heightPx, channels: 3 } })
    .resize(PICTURE_PX, PICTURE_PX, { fit: "inside" })
    .jpeg({ quality: 88 })
    .toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
}

/** Writes the page. `objects` are the test objects in the order of `probabilities` [N, classes]. */
export async function writeClassifyReport(
  path: string,
  survey: Survey,
  result: ClassifyResult,
  objects: TestObject[],
  probabilities: Float32Array,
): Promise<void> {
  const { scores, classes, history } = result;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const mistakes = certainMistakes(objects, probabilities, classes.length);
  const figures = await Promise.all(
    mistakes.slice(0, SHOWN).map(async ({ at, predicted, confidence }) => {
      const { row, truth } = objects[at];
      const source = await picture(survey, row);
      const { id } = survey.rows[row];
      return html`<figure><img src="${raw(source)}" alt="${id}"><figcaption>${id}<br>is <b>${classes[truth]}</b><br>predicted <b>${classes[predicted]}</b>, ${percent(confidence)}</figcaption></figure>`;
    }),
  );
  const filled = scores.reliability.filter(({ count }) => count > 0);
  const epochs = history.map(({ epoch }) => epoch);
  const charts = [
    confusionChart("Test objects", classes, scores.confusion),
    lineChart({
      title: "Reliability",
      xLabel: "confidence",
      yLabel: "share that is right",
      yRange: [0, 1],
      widthPx: 520,
      series: [
        { name: "this head", x: filled.map(({ confidence }) => confidence), y: filled.map(({ accuracy }) => accuracy) },
        { name: "perfect", x: [0, 1], y: [0, 1], dashed: true },
      ],
    }),
    lineChart({
      title: "Training",
      xLabel: "epoch",
      yLabel: "loss",
      widthPx: 520,
      series: [
        { name: "training", x: epochs, y: history.map(({ trainLoss }) => trainLoss) },
        { name: "validation", x: epochs, y: history.map(({ validationLoss }) => validationLoss) },
      ],
    }),
  ];
  const rows = scores.perClass.map(
    ({ support, precision, recall, f1 }, k) =>
      html`<tr><td>${classes[k]}</td><td>${support}</td><td>${percent(precision)}</td><td>${percent(recall)}</td><td>${f1.toFixed(3)}</td></tr>`,
  );
  const { train, validation, test, unlabelled } = result.objects;
  const title = `${result.column} of ${result.survey}`;
  const learned =
    result.encoder === "frozen"
      ? `stopped by ${validation} others at epoch ${result.bestEpoch}`
      : `${Math.round(result.bestEpoch)} passes over random views of them; ${validation} others set the temperature`;
  const body = html`<h1>${title}</h1>
<p>Accuracy <b>${percent(scores.accuracy)}</b>, macro F1 <b>${scores.macroF1.toFixed(3)}</b> on ${test} test objects that took no part in training. Learned from ${train} objects, ${learned};
${unlabelled} objects of the survey have no label. ${result.encoder === "frozen" ? "Frozen features of" : "The whole network of"} ${result.model}, seed ${result.seed}. Made by <code>${result.command}</code>.</p>
<table><tr><th>class</th><th>objects</th><th>precision</th><th>recall</th><th>F1</th></tr>${rows}</table>
<p>Calibration error ${scores.calibrationError.toFixed(3)} with temperature ${scores.temperature.toFixed(2)} (${scores.calibrationErrorBefore.toFixed(3)} without).</p>
${charts.map(raw)}
<h2>The most certain mistakes</h2>
<p>${mistakes.length} of ${test} test objects are predicted as another class than their label${mistakes.length > SHOWN ? `; the ${SHOWN} most certain` : ""}. Where the picture agrees with the prediction, look at the label.</p>
${figures}`;
  writeFileAtomic(path, htmlPage(title, body));
}
