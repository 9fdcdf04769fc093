import { writeFileSync } from "node:fs";
import type { Command } from "commander";

/** `skyloop export onnx MODEL` and `skyloop export features SURVEY`. */
export function addExportCommand(program: Command): void {
  const exporting = program
    .command("export")
    .description("encoders and features for other programs: ONNX, Parquet, NumPy (docs/guides/features-elsewhere.md)");
  addOnnx(exporting);
  addFeatures(exporting);
}

function addOnnx(exporting: Command): void {
  exporting
    .command("onnx")
    .argument("<model>", "encoder (see skyloop model list)")
    .description(
      "export a trained encoder for ONNX Runtime in Python, browsers and phones: `images` [batch, 3, size, size] in [0, 1], red first, to `features` [batch, dim]",
    )
    .option("--out <file>", "file to write (default: MODEL.onnx)")
    .option("--weights <file>", "safetensors weights to use instead of the released ones")
    .action(async (name: string, options: { out?: string; weights?: string }) => {
      const [{ loadModel, releasedWeights }, { toOnnx, largestDifference }, { readJson }, { PACKAGE_ROOT }, { join }] =
        await Promise.all([
          import("../models/index.ts"),
          import("../models/onnx/index.ts"),
          import("../base/files.ts"),
          import("../base/paths.ts"),
          import("node:path"),
        ]);
      const { version } = readJson(join(PACKAGE_ROOT, "package.json")) as { version: string };
      const { reader, weightsHash } = await loadModel(name, options.weights ?? releasedWeights(name));
      const notes = { model: name, weightsHash, sizePx: String(reader.sizePx), dim: String(reader.dim) };
      const bytes = toOnnx(reader.of, { sizePx: reader.sizePx, input: "images", output: "features", version, notes });
      const out = options.out ?? `${name}.onnx`;
      const difference = await largestDifference(bytes, reader.of, reader.sizePx);
      writeFileSync(out, bytes);
      const checked =
        difference === null
          ? "not checked: onnxruntime-node is not installed"
          : `largest difference from our own features under ONNX Runtime ${difference.toExponential(1)} of the largest`;
      process.stdout.write(
        `${out}: images [batch, 3, ${reader.sizePx}, ${reader.sizePx}] to features [batch, ${reader.dim}], ${(bytes.length / 1e6).toFixed(1)} MB; ${checked}\n`,
      );
    });
}

function addFeatures(exporting: Command): void {
  exporting
    .command("features")
    .argument("<survey>", "survey folder")
    .description("write a survey's features with the objects' ids, in the order of its catalogue")
    .requiredOption(
      "--out <file>",
      ".parquet: id, ra, dec, feature_0, feature_1, …; .npy: float32 [objects, features], and the ids in NAME.ids.npy",
    )
    .option("--model <name>", "feature set (default: the first finished one)")
    .action(async (survey: string, options: { out: string; model?: string }) => {
      const [{ exportFeatures }, { modelOfSurvey }] = await Promise.all([
        import("../tasks/embed/export-features.ts"),
        import("../loop/survey-model.ts"),
      ]);
      const model = options.model ?? modelOfSurvey(survey);
      const { files, count, dim } = await exportFeatures(survey, model, options.out);
      process.stdout.write(`${files.join(" and ")}: ${count} objects, ${dim} features of ${model}\n`);
    });
}
