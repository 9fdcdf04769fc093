import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SkyloopError } from "./errors.ts";

/** The folder of this package: the nearest one above this file that holds package.json. */
export const PACKAGE_ROOT: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder)
      throw new SkyloopError(
        "BROKEN_INSTALL",
        "package.json not found above the program's files; install Skyloop again",
      );
    folder = above;
  }
  return folder;
})();
