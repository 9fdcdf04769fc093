import { Option } from "commander";
import { SkyloopError } from "../base/errors.ts";
import type { Unlabelled } from "../contract/api.ts";

/** `--unlabelled fading | always`, of sessions and of simulated persons. */
export const unlabelledOption = () =>
  new Option(
    "--unlabelled <how>",
    "unlabelled objects among the negatives: fading where more answers are positive, or always 100 (finds more, ranks common kinds worse)",
  )
    .choices(["fading", "always"])
    .default("fading");

/** Refuses `--unlabelled always` where no session is begun that would keep it. Throws BAD_OPTION. */
export function checkUnlabelled(unlabelled: Unlabelled, session: string | undefined): void {
  if (session === undefined && unlabelled !== "fading")
    throw new SkyloopError("BAD_OPTION", "--unlabelled goes with --session; nothing was done");
}
