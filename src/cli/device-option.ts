import type { Command } from "commander";

/** Commands that compute with tensors, with their subcommands. */
const COMPUTING = [
  ...["start", "serve", "notebook", "embed", "pretrain", "train", "predict", "detect", "evaluate", "probe", "loop"],
  ...["bench", "doctor"],
];

/** Gives the computing commands `--device`, which this process, its threads and its children then compute on. */
export function addDeviceOption(program: Command): void {
  const leaves = (command: Command): Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
  for (const command of program.commands.filter((command) => COMPUTING.includes(command.name())).flatMap(leaves))
    command
      .option("--device <name>", "what to compute on: cpu, cuda or cuda:N; never run on a GPU (default: cpu)")
      .hook("preAction", () => {
        const { device } = command.opts<{ device?: string }>();
        if (device === undefined) return;
        process.env.SKYLOOP_DEVICE = device;
        // For the process, not for what the command does.
        command.setOptionValue("device", undefined);
      });
}
