import type { Command } from "commander";

interface Options {
  images?: string;
  survey?: string;
  port: number;
  count: number;
  seed: number;
  model?: string;
}

/** `skyloop start`: what `npm start` runs. From nothing, or from a folder of images, to the page. */
export function addStartCommand(program: Command): void {
  program
    .command("start")
    .description("make the demo survey (or one of your images), compute its features, open the page")
    .option("--images <dir>", "folder of your own images")
    .option("--survey <folder>", "where the survey is kept (default: surveys/demo, or surveys/ and the folder's name)")
    .option("--port <n>", "port of the page", Number, 8420)
    .option("--count <n>", "galaxies of the demo survey", Number, 2000)
    .option("--seed <n>", "seed of the demo survey", Number, 1)
    .option("--model <name>", "model whose features are used")
    .action(async (options: Options) => {
      const { prepareSurvey } = await import("../server/prepare.ts");
      const { serve } = await import("../server/listen.ts");
      const folder = await prepareSurvey(options);
      const { address } = await serve({ surveys: [folder], host: "127.0.0.1", port: options.port });
      process.stdout.write(
        `\nSkyloop is ready: open ${address}\n  1. Say what you are looking for and click a few examples of it, and a few of what it is not.\n  2. Press "next round": the page learns and shows what it thinks you want; say yes or no.\n  3. Look at the ranking and export it as CSV, Parquet, FITS or VOTable.\nEvery click is saved at once. Ctrl-C ends the program; start it again to go on.\n`,
      );
    });
}
