import type { Command } from "commander";
import { whole } from "./numbers.ts";

/** `skyloop model list | info NAME`. */
export function addModelCommand(program: Command): void {
  const model = program.command("model").description("list and describe encoders");
  model
    .command("list")
    .description("list all encoders, and which have released weights")
    .action(async () => {
      const [{ MODELS, releasedWeights }, { existsSync }] = await Promise.all([
        import("../models/index.ts"),
        import("node:fs"),
      ]);
      for (const name of Object.keys(MODELS))
        process.stdout.write(`${name}${existsSync(releasedWeights(name)) ? "  (released weights)" : ""}\n`);
    });
  model
    .command("info")
    .argument("<name>", "encoder (see skyloop model list)")
    .description("layers, parameters and floating-point operations per image")
    .option("--size <px>", "side of the image for the operation count", whole("--size", 8, 4096))
    .option("--json", "one JSON object", false)
    .action(async (name: string, options: { size?: number; json: boolean }) => {
      const [{ createModel, featuresOf }, { countFlops }, { noGrad, scope, zeros }] = await Promise.all([
        import("../models/index.ts"),
        import("../models/flops.ts"),
        import("../torch/index.ts"),
      ]);
      const network = createModel(name).eval();
      const sizePx = options.size ?? network.config.imageSize;
      const flops = (body: (images: ReturnType<typeof zeros>) => void) =>
        countFlops(() => noGrad(() => scope(() => body(zeros([1, 3, sizePx, sizePx])))));
      const layers = Array.from(network.namedModules(), ([path, module]) => ({
        path,
        type: module.constructor.name,
        parameters: module.parameterCount(),
      })).filter(({ path }) => path.split(".").length <= 2 && path !== "");
      const info = {
        model: name,
        config: network.config,
        parameters: network.parameterCount(),
        ...network.parts(),
        featureDim: featuresOf(network).dim,
        sizePx,
        encodeFlops: flops((images) => network.encode(images)),
        forwardFlops: flops((images) => network.forward(images)),
        layers,
      };
      if (options.json) {
        process.stdout.write(`${JSON.stringify(info)}\n`);
        return;
      }
      const count = (n: number) => n.toLocaleString("en-US");
      const lines = [
        `${name}: ${count(info.parameters)} parameters (encoder ${count(info.encoder)}, decoder ${count(info.decoder)}), ${info.featureDim} features`,
        `one image of ${sizePx} px: ${(info.encodeFlops / 1e9).toFixed(3)} GFLOP to encode, ${(info.forwardFlops / 1e9).toFixed(3)} through the whole network`,
        ...Object.entries(network.config).map(([key, value]) => `  ${key.padEnd(12)} ${JSON.stringify(value)}`),
        ...layers.map(
          ({ path, type, parameters }) => `  ${path.padEnd(26)} ${type.padEnd(16)} ${count(parameters).padStart(12)}`,
        ),
      ];
      process.stdout.write(`${lines.join("\n")}\n`);
    });
}
