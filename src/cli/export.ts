import { writeFileSync } from "node:fs";
import { Argument, type Command } from "commander";

interface Options {
  out?: string;
  weights?: string;
}

/** `skyloop export onnx MODEL`. */
export function addExportCommand(program: Command): void {
  program
    .command("export")
    .addArgument(new Argument("<format>", "onnx: for ONNX Runtime in Python, browsers and phones").choices(["onnx"]))
    .argument("<model>", "encoder (see skyloop model list)")
    .description(
      "export a trained encoder: `images` [batch, 3, size, size] in [0, 1], red first, to `features` [batch, dim]",
    )
    .option("--out <file>", "file to write (default: MODEL.onnx)")
    .option("--weights <file>", "safetensors weights to use instead of the released ones")
    .action(async (_: string, name: string, options: Options) => {
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
