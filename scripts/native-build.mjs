/** How the native addons are built: setup.mjs builds them for use, sanitise-tests.mjs with checks of every access to memory. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The command, run in a folder that holds native/ and node_modules/, and its environment, for what findLibtorch found. */
export function nativeBuild(torch, root) {
  const command = [
    process.execPath,
    join(root, "node_modules/node-gyp/bin/node-gyp.js"),
    "rebuild",
    "--directory",
    "native",
    "--jobs",
    "max",
    "--loglevel=warn",
    ...nodeHeaders(),
  ];
  const env = {
    SKYLOOP_TORCH_INCLUDES: torch.includes.join(" "),
    SKYLOOP_TORCH_LIBDIR: torch.libDir,
    SKYLOOP_TORCH_ABI: String(torch.cxx11Abi),
    SKYLOOP_TORCH_STANDARD: standardFor(torch.version),
    SKYLOOP_OPENBLAS: torch.openblas ?? "",
    // Named though nothing of them is called here: they tell libtorch of the GPUs when they are loaded.
    SKYLOOP_TORCH_GPU: existsSync(join(torch.libDir, "libtorch_cuda.so"))
      ? "-Wl,--no-as-needed -ltorch_cuda -lc10_cuda"
      : "",
  };
  return { command, env };
}

/** The C++ that libtorch's headers are written in. */
function standardFor(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 10) ? "c++20" : "c++17";
}

/** The headers that came with this Node, where they did: node-gyp would download them again. */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  const header = join(prefix, "include/node/node_version.h");
  if (!existsSync(header)) return [];
  const text = readFileSync(header, "utf8");
  const version = ["MAJOR", "MINOR", "PATCH"]
    .map((part) => text.match(new RegExp(`define NODE_${part}_VERSION (\\d+)`))?.[1])
    .join(".");
  return version === process.versions.node ? [`--nodedir=${prefix}`] : [];
}
