/** Entry of a decoding process. */
import { readFileSync } from "node:fs";
import { serveJobs } from "../../base/child.ts";
import { limitProcess } from "../fits.ts";
import { JOBS } from "./jobs.ts";

// The terminal's interrupt goes to the parent, which ends this process when it goes itself.
process.on("SIGINT", () => {});

/** What the process holds, as its limit counts it; 0 where the system does not say. */
function heldBytes(): number {
  try {
    return 1024 * Number(/^VmData:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

// Versions of Node begin with different amounts (20 with 50 MB, 24 with 560): a file may have what comes on top of that.
const atStart = heldBytes();

await serveJobs(JOBS, ({ memoryBytes, seconds }) => limitProcess(atStart + memoryBytes, seconds));
