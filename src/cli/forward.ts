import type { Command } from "commander";

interface Options {
  model: string;
  weights?: string;
  input: string;
  output: string;
}

/** `skyloop forward --model NAME|config.json --weights W --input X --output Y`. */
export function addForwardCommand(program: Command): void {
  program
    .command("forward")
    .description(
      "run a model on the tensor `input` [B, 3, H, W] of a safetensors file; writes `output`, and `features` [B, tokens, 8 C] of an LVM",
    )
    .requiredOption(
      "--model <name>",
      "encoder (see skyloop model list), or a config.json with embed_dim, depths, num_heads, …",
    )
    .option(
      "--weights <file>",
      "safetensors weights (default: the released ones); prefixes of parameter names such as swin_unet. are removed",
    )
    .requiredOption("--input <file>", "safetensors with the tensor `input`")
    .requiredOption("--output <file>", "safetensors to write")
    .action(async ({ model: name, weights, input, output }: Options) => {
      const [
        { createModel, loadWeights, releasedWeights },
        { SwinUnet },
        { readConfig },
        { noGrad, readSafetensors, scope, writeSafetensors },
        { SkyloopError },
      ] = await Promise.all([
        import("../models/index.ts"),
        import("../models/swin-unet.ts"),
        import("../models/config-file.ts"),
        import("../torch/index.ts"),
        import("../base/errors.ts"),
      ]);
      const model = (name.endsWith(".json") ? new SwinUnet(readConfig(name)) : createModel(name)).eval();
      const path = weights ?? (name.endsWith(".json") ? undefined : releasedWeights(name));
      if (path === undefined)
        throw new SkyloopError(
          "WEIGHTS_MISSING",
          `${name} is a configuration without weights; give --weights FILE.safetensors`,
        );
      loadWeights(model, path);
      scope(() =>
        noGrad(() => {
          const images = readSafetensors(input, (tensorName) => tensorName === "input").tensors.input;
          if (images === undefined)
            throw new SkyloopError(
              "INPUT_MISSING",
              `${input} has no tensor called \`input\`; write the images [B, 3, H, W] under that name`,
            );
          const encoded = model.encode(images.to("float32"));
          const skips = Object.fromEntries(encoded.skips.map((skip, stage) => [`skip${stage}`, skip]));
          writeSafetensors(
            output,
            { output: model.decode(encoded), features: encoded.features, ...skips },
            { model: name },
          );
          process.stdout.write(
            `${output}: output [${images.shape.join(", ")}], features [${encoded.features.shape.join(", ")}]\n`,
          );
        }),
      );
    });
}
