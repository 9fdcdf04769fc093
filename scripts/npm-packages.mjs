import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Whether node_modules holds what package-lock.json asks for, read off npm's own record of what it installed
 * (node_modules/.package-lock.json, written last). Optional packages may be absent (those of other platforms). A
 * package that was itself installed by npm carries no lockfile and has its dependencies already.
 */
export function installedPackagesMatch(root) {
  const installedFile = join(root, "node_modules/.package-lock.json");
  const lockFile = join(root, "package-lock.json");
  if (!existsSync(lockFile)) return true;
  if (!existsSync(installedFile)) return false;
  const wanted = readPackages(lockFile);
  const installed = readPackages(installedFile);
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) => {
    const have = installed[path];
    if (path === "") return true;
    if (!have) return Boolean(optional || devOptional);
    return have.version === version && have.integrity === integrity && existsSync(join(root, path));
  });
}

function readPackages(path) {
  return JSON.parse(readFileSync(path, "utf8")).packages;
}
