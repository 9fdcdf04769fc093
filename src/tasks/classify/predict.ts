/** Using a trained head on a survey: a catalogue with probabilities, and measures against a label column. */
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import { loadInputs } from "../../batches/inputs.ts";
import { type CalibratedScores, scoreLogits, softmaxRows } from "../../measure/calibration.ts";
import { mostProbable } from "../../measure/classification.ts";
import { savePredictions } from "../../store/predictions.ts";
import { type ColumnSpec, type TableFormat, writeTable } from "../../survey/catalogue.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";
import { featuresFor } from "../embed/embed.ts";
import { classifyLogits, loadHead, pickRows } from "./head.ts";
import { hardClasses, readClasses, readVotes } from "./labels.ts";
import { isNetworkFile, loadClassifier, networkLogits } from "./network.ts";

/** What is known of a head, of either kind. */
interface Known {
  model: string;
  column: string;
  classes: string[];
  temperature: number;
}

/**
 * Logits [count, classes] of every object of a survey. Throws BAD_HEAD, OTHER_WEIGHTS, and what computing features
 * throws.
 */
async function logitsOf(
  survey: Survey,
  headPath: string,
  progress: Progress,
): Promise<{ card: Known; logits: Float32Array }> {
  if (isNetworkFile(headPath)) return networkLogitsOf(survey, headPath, progress);
  const { head, card } = loadHead(headPath);
  try {
    const features = await featuresFor(survey.folder, card.model, card.features, progress);
    if (features.weightsHash !== card.weightsHash)
      throw new SkyloopError(
        "OTHER_WEIGHTS",
        `${headPath} reads features of ${card.model} with weights ${card.weightsHash.slice(0, 12)}, ${survey.folder} has them with ${features.weightsHash.slice(0, 12)}; embed it with the same weights, or train the head again`,
      );
    const logits = classifyLogits(head, features.matrix(), card.dim);
    features.close();
    return { card, logits };
  } finally {
    head.dispose();
  }
}

/** The same by a network that reads pixels. */
async function networkLogitsOf(
  survey: Survey,
  path: string,
  progress: Progress,
): Promise<{ card: Known; logits: Float32Array }> {
  const { classifier, card } = loadClassifier(path);
  try {
    const rows = survey.rows.map((_, row) => row);
    const images = await loadInputs(survey.folder, card.sizePx, rows, progress);
    const logits = networkLogits(classifier, images, rows);
    images.dispose();
    return { card, logits };
  } finally {
    classifier.dispose();
  }
}

/** A column name that every format takes. */
const columnFor = (name: string) => `p_${name.replace(/[^A-Za-z0-9_]+/g, "_")}`;

/**
 * Keeps the probabilities of every object with the survey, where the page finds them, under `name` (the column's and
 * the model's unless given), and writes id, position, most probable class, its probability and that of each class to
 * `out`. Returns how many there are of each class, and the name.
 */
export async function predictClasses(
  folder: string,
  headPath: string,
  { out, name }: { out?: { path: string; format: TableFormat }; name?: string },
  progress: Progress,
): Promise<{ name: string; counts: Record<string, number> }> {
  const survey = await openSurvey(folder);
  try {
    const { card, logits } = await logitsOf(survey, headPath, progress);
    const K = card.classes.length;
    const probabilities = softmaxRows(logits, K, card.temperature);
    const predicted = mostProbable(probabilities, K);
    const kept = name ?? `${card.column}-${card.model}`.replace(/[^A-Za-z0-9._-]+/g, "_");
    savePredictions(
      folder,
      kept,
      {
        column: card.column,
        classes: card.classes,
        head: headPath,
        model: card.model,
        dataHash: survey.header.dataHash,
        count: survey.header.count,
        madeAt: new Date().toISOString(),
      },
      probabilities,
    );
    const columns: ColumnSpec[] = [
      { name: "id", type: "string", description: "object of the survey's catalogue" },
      { name: "ra", type: "number", unit: "deg", description: "right ascension (ICRS)" },
      { name: "dec", type: "number", unit: "deg", description: "declination (ICRS)" },
      { name: "predicted", type: "string", description: `most probable class of ${card.column}` },
      { name: "confidence", type: "number", description: "its probability" },
      ...card.classes.map(
        (name): ColumnSpec => ({ name: columnFor(name), type: "number", description: `probability of ${name}` }),
      ),
    ];
    const rows = survey.rows.map((row, i) => ({
      id: row.id,
      ra: row.raDeg,
      dec: row.decDeg,
      predicted: card.classes[predicted[i]],
      confidence: probabilities[i * K + predicted[i]],
      ...Object.fromEntries(card.classes.map((name, k) => [columnFor(name), probabilities[i * K + k]])),
    }));
    if (out !== undefined) await writeTable(out.path, out.format, columns, rows);
    const counts = Object.fromEntries(
      card.classes.map((name, k) => [name, predicted.filter((value) => value === k).length]),
    );
    return { name: kept, counts };
  } finally {
    survey.close();
  }
}

/**
 * Measures a head against a column of a survey (the one it was trained on unless given). Objects of other classes than
 * the head's are left out. A survey that it was trained on gives numbers that are too good: its own test share is in
 * the head's metrics.json.
 */
export async function evaluateClasses(
  folder: string,
  headPath: string,
  column: string | undefined,
  progress: Progress,
): Promise<{ survey: string; column: string; classes: string[]; scores: CalibratedScores }> {
  const survey = await openSurvey(folder);
  try {
    const { card, logits } = await logitsOf(survey, headPath, progress);
    const asked = column ?? card.column;
    const labelled = asked.includes(",")
      ? readVotes(survey, asked.split(","))
      : knownClasses(survey, asked, card.classes);
    const scores = scoreLogits(
      pickRows(logits, card.classes.length, labelled.rows),
      hardClasses(labelled),
      card.classes.length,
      card.temperature,
    );
    return { survey: survey.name, column: asked, classes: card.classes, scores };
  } finally {
    survey.close();
  }
}

/** The labels of a column as the head numbers its classes, also where the survey lacks some of them. */
function knownClasses(survey: Survey, column: string, classes: string[]) {
  const all = readClasses(survey, column);
  const place = all.classes.map((name) => classes.indexOf(name));
  const hard = hardClasses(all);
  const kept = all.rows.flatMap((row, i) => (place[hard[i]] >= 0 ? [{ row, k: place[hard[i]] }] : []));
  if (kept.length === 0)
    throw new SkyloopError(
      "NO_LABELS",
      `column ${column} of ${survey.folder} has none of the head's classes (${classes.join(", ")}); it has ${all.classes.slice(0, 12).join(", ")}`,
    );
  const targets = new Float32Array(kept.length * classes.length);
  for (const [i, { k }] of kept.entries()) targets[i * classes.length + k] = 1;
  return { classes, rows: kept.map(({ row }) => row), targets };
}
