/** Entry of a decoding process. */
import { serveJobs } from "../../base/child.ts";
import { limitProcess } from "../fits.ts";
import { JOBS } from "./jobs.ts";

// The terminal's interrupt goes to the parent, which ends this process when it goes itself.
process.on("SIGINT", () => {});

await serveJobs(JOBS, ({ memoryBytes, seconds }) => limitProcess(memoryBytes, seconds));
