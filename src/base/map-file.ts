/** Large files as memory that processes share and the system reads when it is touched. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PACKAGE_ROOT } from "./paths.ts";

const ADDON = join(PACKAGE_ROOT, "native/build/Release/map.node");

/**
 * The bytes of a file, mapped: nothing is read before it is touched, and every process that maps the file has the same
 * pages. Null where it cannot be (no native part, a file system without maps): read it then. What is written there does
 * not reach the file. A file that is cut short while it is mapped ends the process that touches what is gone.
 */
export function mapFile(path: string): ArrayBuffer | null {
  if (!existsSync(ADDON)) return null;
  try {
    return (createRequire(import.meta.url)(ADDON) as { mapFile(path: string): ArrayBuffer }).mapFile(path);
  } catch {
    return null;
  }
}
