import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * @typedef {object} Libtorch Where libtorch stands and how it was built.
 * @property {string[]} includes header folders
 * @property {string} libDir folder of libtorch.so and libc10.so
 * @property {0 | 1} cxx11Abi the value of _GLIBCXX_USE_CXX11_ABI it was compiled with
 * @property {string} version "2.5.1", or "unknown" where the headers do not say
 * @property {"LIBTORCH" | "debian" | "python"} source
 * @property {string | null} openblas folder of the OpenBLAS with OpenMP that Debian has beside others, which libtorch's products shall run on
 */

/**
 * Finds libtorch: the folder named by `LIBTORCH`, else the system's (Debian's libtorch-dev), else the one inside an
 * installed Python torch. Throws an error that says where it looked; a `LIBTORCH` that is set and wrong is an error,
 * not passed over. `root` and `pythonTorch` stand in for the machine in tests.
 * @param {{ env?: NodeJS.ProcessEnv, root?: string, pythonTorch?: (python: string) => string | null }} [machine]
 * @returns {Libtorch}
 */
export function findLibtorch({ env = process.env, root = "/", pythonTorch = askPython } = {}) {
  if (env.LIBTORCH) {
    const folder = resolve(env.LIBTORCH);
    const found = describe("LIBTORCH", join(folder, "include"), join(folder, "lib"));
    if (found) return found;
    throw new Error(
      `LIBTORCH=${env.LIBTORCH} holds no libtorch: expected include/torch/csrc/api/include/torch/torch.h and lib/libc10.so in it`,
    );
  }
  const lib = join(root, "usr/lib");
  const multiarch = existsSync(lib) ? readdirSync(lib).filter((name) => name.endsWith("-linux-gnu")) : [];
  for (const libDir of [...multiarch.map((name) => join(lib, name)), join(root, "usr/lib64"), lib]) {
    const found = describe("debian", join(root, "usr/include"), libDir);
    // Debian's choice among several is the one with threads of its own, which fight with libtorch's.
    const openblas = join(libDir, "openblas-openmp");
    if (found) return existsSync(join(openblas, "libopenblas.so.0")) ? { ...found, openblas } : found;
  }
  for (const python of ["python3", "/usr/bin/python3"]) {
    const folder = pythonTorch(python);
    const found = folder && describe("python", join(folder, "include"), join(folder, "lib"));
    if (found) return found;
  }
  throw new Error(
    "no libtorch: LIBTORCH is not set, /usr/include/torch is not there (Debian's libtorch-dev), and no python3 here has torch",
  );
}

/** @returns {Libtorch | null} */
function describe(source, include, libDir) {
  const api = join(include, "torch/csrc/api/include");
  const core = ["libc10.so", "libc10.dylib"].map((name) => join(libDir, name)).find(existsSync);
  if (!core || !existsSync(join(api, "torch/torch.h"))) return null;
  return {
    includes: [include, api],
    libDir,
    cxx11Abi: abiOf(readFileSync(core)),
    version: versionOf(include, api),
    source,
    openblas: null,
  };
}

/**
 * The C++ ABI that a libc10 was compiled with, read off the mangled names of its own functions that take a std::string.
 * A plain search for "__cxx11" is not enough: libraries of the old ABI carry such names from the static part of
 * libstdc++.
 * @param {Buffer} library
 * @returns {0 | 1}
 */
export function abiOf(library) {
  const names = library.toString("latin1");
  if (/_ZN3c10\w*NSt7__cxx1112basic_string/.test(names)) return 1;
  return /_ZN3c10\w*Ss/.test(names) ? 0 : 1;
}

function versionOf(include, api) {
  for (const header of [join(api, "torch/version.h"), join(include, "torch/headeronly/version.h")]) {
    if (!existsSync(header)) continue;
    const text = readFileSync(header, "utf8");
    const parts = ["MAJOR", "MINOR", "PATCH"].map(
      (part) => text.match(new RegExp(`define TORCH_VERSION_${part}\\s+(\\d+)`))?.[1],
    );
    if (parts.every(Boolean)) return parts.join(".");
  }
  return "unknown";
}

/** The folder of Python's torch package, found without importing it (which takes seconds). */
function askPython(python) {
  const script =
    "import importlib.util as u; s = u.find_spec('torch'); print(list(s.submodule_search_locations)[0] if s else '')";
  const answer = spawnSync(python, ["-c", script], { encoding: "utf8", timeout: 20_000 });
  return answer.status === 0 ? answer.stdout.trim() || null : null;
}
