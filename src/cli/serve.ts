import type { Command } from "commander";
import { whole } from "./numbers.ts";
import { addServeOptions, listenOptions, type ServeOptions } from "./serve-options.ts";

interface Options extends ServeOptions {
  host: string;
  hostName?: string[];
  head?: string[];
  open?: boolean;
}

/** `skyloop serve SURVEY…`. */
export function addServeCommand(program: Command): void {
  addServeOptions(program.command("serve"))
    .argument("<survey...>", "survey folders with features")
    .description("start the page for one or several surveys")
    .option("--port <n>", "port", whole("--port", 0, 65_535), 8420)
    .option("--host <address>", "address to listen on; other machines can connect unless it is 127.0.0.1", "127.0.0.1")
    .option("--head <file...>", "restore or reconstruct heads; the page shows images before and after")
    .option("--host-name <name...>", "host names of this machine that other machines use")
    .option("--open", "let other machines connect without accounts; the address that is printed lets in")
    .action(async (surveys: string[], { host, hostName, head, open, ...how }: Options) => {
      const { serve } = await import("../server/listen.ts");
      const { address } = await serve({
        ...listenOptions(how),
        surveys,
        heads: head,
        host,
        hostNames: hostName,
        open,
      });
      if (!["127.0.0.1", "localhost", "::1"].includes(host))
        process.stderr.write(
          `Listening on ${host}: passwords, labels and the address below are not encrypted; a proxy with TLS does that (docs/guides/team.md).\n`,
        );
      for (const folder of surveys) {
        await sayWhereLabelsAre(folder);
        await growForDetections(folder);
      }
      process.stdout.write(`Skyloop is at ${address}  (Ctrl-C stops it; labels are saved at once)\n`);
    });
}

/** Verdicts on detections teach by features, which `skyloop detect` does not compute. */
async function growForDetections(folder: string): Promise<void> {
  const [{ readFieldImages }, { listFeatures }, { growFeatures }, { DEFAULT_MODEL }] = await Promise.all([
    import("../survey/detections.ts"),
    import("../store/features.ts"),
    import("../server/prepare.ts"),
    import("../models/default-model.ts"),
  ]);
  if (readFieldImages(folder) === null || listFeatures(folder).some(({ done, total }) => done === total)) return;
  growFeatures(folder, DEFAULT_MODEL);
}

async function sayWhereLabelsAre(folder: string): Promise<void> {
  const [{ stateFolder }, { storedSurvey }] = await Promise.all([
    import("../store/state.ts"),
    import("../loop/opened.ts"),
  ]);
  const state = stateFolder(folder, storedSurvey(folder));
  if (state !== folder) process.stderr.write(`${folder} may only be read: its labels are kept in ${state}\n`);
}
