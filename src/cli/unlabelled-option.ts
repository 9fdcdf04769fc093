import { Option } from "commander";

/** `--unlabelled fading | always`, of sessions and of simulated persons. */
export const unlabelledOption = () =>
  new Option(
    "--unlabelled <how>",
    "unlabelled objects among the negatives: fading where more answers are positive, or always 100 (finds more, ranks common kinds worse)",
  )
    .choices(["fading", "always"])
    .default("fading");
