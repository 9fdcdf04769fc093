import { once } from "node:events";
import type { Command } from "commander";
import { messageOf } from "../base/errors.ts";
import { SEEDS, whole } from "./numbers.ts";
import { addServeOptions, listenOptions, type ServeOptions } from "./serve-options.ts";

interface Options extends ServeOptions {
  images?: string;
  survey?: string;
  count: number;
  seed: number;
  model?: string;
}

/** `skyloop start`: what `npm start` runs. From nothing, or from a folder of images, to the page. */
export function addStartCommand(program: Command): void {
  addServeOptions(program.command("start"))
    .description("make the demo survey or a survey of your images, compute its features, and open the page")
    .option("--images <dir>", "folder of your own images")
    .option(
      "--survey <folder>",
      "folder of the survey (default: surveys/demo, or surveys/ and the name of the image folder)",
    )
    .option("--port <n>", "port of the page", whole("--port", 0, 65_535), 8420)
    .option("--count <n>", "number of galaxies in the demo survey", whole("--count", 1, 1e7), 2000)
    .option("--seed <n>", "seed of the demo survey", whole("--seed", 0, SEEDS), 1)
    .option("--model <name>", "encoder that computes the features")
    .action(async (options: Options) => {
      const [{ growFeatures, prepareSurvey }, { growField, isDemo }, { serve }, { DEFAULT_MODEL }] = await Promise.all([
        import("../server/prepare.ts"),
        import("../server/demo-field.ts"),
        import("../server/listen.ts"),
        import("../models/default-model.ts"),
      ]);
      const folder = await prepareSurvey(options);
      const { app, address } = await serve({ ...listenOptions(options), surveys: [folder], host: "127.0.0.1" });
      process.stdout.write(
        `\nSkyloop is ready: open ${address}\n  1. Name what you are looking for. Click a few examples of it and a few other galaxies.\n  2. Press "next round": Skyloop learns and shows its best candidates. Label them yes or no.\n  3. Check the ranking and export it as CSV, Parquet, FITS or VOTable.\nEvery click is saved at once. Ctrl-C stops the program; start it again to continue.\n`,
      );
      const model = options.model ?? DEFAULT_MODEL;
      if (options.model === undefined)
        process.stdout.write(
          `  Features are those of ${model}, which published catalogues taught too (models/${model}.md); lvm-nano, with --model, saw no label.\n`,
        );
      const growing = growFeatures(folder, model);
      if (growing !== null) await once(growing, "exit");
      if (!isDemo(folder)) return;
      // Whatever becomes of it, the page that somebody labels on stays.
      await growField(folder, model, (field) => app.addSurvey(field)).catch((error: unknown) => {
        process.stderr.write(`The demo's wide image is not shown: ${messageOf(error)}\n`);
      });
    });
}
