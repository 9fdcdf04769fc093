import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { addBackupCommands } from "./backup.ts";
import { addBenchCommand } from "./bench.ts";
import { addDetectCommand } from "./detect.ts";
import { addDeviceOption } from "./device-option.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addEmbedCommand } from "./embed.ts";
import { allowClosedPipes, endWith } from "./ending.ts";
import { addEvaluateCommand } from "./evaluate.ts";
import { addExportCommand } from "./export.ts";
import { addForwardCommand } from "./forward.ts";
import { addLoopCommand } from "./loop.ts";
import { addMeasureCommand } from "./measure.ts";
import { addModelCommand } from "./model.ts";
import { addNotebookCommand } from "./notebook.ts";
import { addPredictCommand } from "./predict.ts";
import { addPretrainCommand } from "./pretrain.ts";
import { addProbeCommand } from "./probe.ts";
import { addProfileCommand } from "./profile.ts";
import { addRecipeCommand } from "./recipe.ts";
import { addServeCommand } from "./serve.ts";
import { addSessionCommand } from "./session.ts";
import { addShardsCommand } from "./shards.ts";
import { addSimilarCommands } from "./similar.ts";
import { addStartCommand } from "./start.ts";
import { addStoreCommand } from "./store.ts";
import { addSurveyCommand } from "./survey.ts";
import { addTrainCommand } from "./train.ts";
import { addUserCommand } from "./user.ts";

/** The foot of `skyloop --help`; a test checks that its commands exist. */
export const EXAMPLES = `
Examples:
  skyloop start                                     the demo survey in your browser
  skyloop start --images DIR                        the same with a folder of your own images
  skyloop survey create galaxies --images DIR       make a survey folder from images
  skyloop survey download galaxies --catalogue positions.csv --from legacy-dr10
                                                    the same from positions alone
  skyloop embed galaxies                            compute its features
  skyloop serve galaxies                            open it in the browser
  skyloop measure galaxies                          flux, radii, shape and flags of every galaxy
  skyloop loop export SESSION --format csv          export the ranked catalogue
  skyloop doctor                                    versions, speed, and what makes it slow or wrong

\`skyloop VERB --help\` explains a command. An error reads \`skyloop: CODE: …\`; docs/errors.md explains each code.`;

/** The whole command line. Every verb's file adds itself; nothing heavy is loaded before a verb runs. */
export function buildProgram(): Command {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  const program = new Command("skyloop")
    .description("Find galaxies in a survey with a handful of examples and a person in the loop.")
    .version(version)
    .showHelpAfterError("(--help lists the commands and options)")
    .exitOverride()
    .addHelpText("after", EXAMPLES);
  addSurveyCommand(program);
  addStartCommand(program);
  addServeCommand(program);
  addNotebookCommand(program);
  addPretrainCommand(program);
  addTrainCommand(program);
  addPredictCommand(program);
  addDetectCommand(program);
  addEvaluateCommand(program);
  addMeasureCommand(program);
  addProbeCommand(program);
  addRecipeCommand(program);
  addSimilarCommands(program);
  addLoopCommand(program);
  addSessionCommand(program);
  addBackupCommands(program);
  addStoreCommand(program);
  addUserCommand(program);
  addModelCommand(program);
  addExportCommand(program);
  addForwardCommand(program);
  addEmbedCommand(program);
  addShardsCommand(program);
  addProfileCommand(program);
  addBenchCommand(program);
  addDoctorCommand(program);
  addDeviceOption(program);
  return program;
}

/**
 * Runs one command line (without node and the program's name). Ends the process itself on an error. Ctrl-C keeps its
 * default, which stops even a long native call and is 130 to a shell.
 */
export async function run(args: string[]): Promise<void> {
  allowClosedPipes();
  try {
    await buildProgram().parseAsync(args, { from: "user" });
  } catch (thrown) {
    // Commander has said it already: help and version end with 0, a wrong command line is a user's mistake.
    if (thrown instanceof CommanderError) process.exit(thrown.exitCode === 0 ? 0 : 2);
    endWith(thrown);
  }
}
