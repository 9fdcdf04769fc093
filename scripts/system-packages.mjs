import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findLibtorch } from "./find-libtorch.mjs";

/**
 * What Skyloop needs from the system, and what each system calls it. `present` asks for the thing itself, not for the
 * package, so that what was installed another way is never installed twice.
 */
const NEEDS = [
  {
    what: "a C++ compiler",
    present: () => onPath("g++", "c++", "clang++"),
    apt: ["g++"],
    dnf: ["gcc-c++"],
    pacman: ["base-devel"],
    brew: [],
  },
  { what: "make", present: () => onPath("make"), apt: ["make"], dnf: ["make"], pacman: ["base-devel"], brew: [] },
  {
    what: "Python 3 (for node-gyp)",
    present: () => onPath("python3"),
    apt: ["python3"],
    dnf: ["python3"],
    pacman: ["python"],
    brew: ["python"],
  },
  {
    what: "cfitsio",
    present: () =>
      onDisk(
        "usr/include/fitsio.h",
        "usr/include/cfitsio/fitsio.h",
        "usr/local/include/fitsio.h",
        "opt/homebrew/include/fitsio.h",
      ),
    apt: ["libcfitsio-dev"],
    dnf: ["cfitsio-devel"],
    pacman: ["cfitsio"],
    brew: ["cfitsio"],
  },
  {
    what: "libtorch",
    present: hasLibtorch,
    apt: ["libtorch-dev", "libopenblas0-openmp", "libgloo-dev"],
    dnf: [],
    pacman: ["python-pytorch"],
    brew: [],
    otherwise: true,
  },
];
const TEST_NEEDS = [
  {
    what: "PostgreSQL",
    present: () => existsSync("/usr/lib/postgresql") || Boolean(onPath("initdb")),
    apt: ["postgresql"],
    dnf: ["postgresql-server"],
    pacman: ["postgresql"],
    brew: ["postgresql"],
  },
  {
    what: "Chromium",
    present: () => Boolean(findChromium()),
    apt: ["chromium"],
    dnf: ["chromium"],
    pacman: ["chromium"],
    brew: ["--cask", "chromium"],
  },
  {
    what: "Jupyter's nbconvert and its Python kernel",
    present: () => onDisk("usr/bin/jupyter-nbconvert", "opt/homebrew/bin/jupyter-nbconvert"),
    apt: ["jupyter-nbconvert", "python3-ipykernel"],
    dnf: ["python3-nbconvert", "python3-ipykernel"],
    pacman: ["jupyter-nbconvert", "python-ipykernel"],
    brew: ["jupyterlab"],
  },
  // Other programs that read what Skyloop writes; where apt has no say, their tests are skipped.
  {
    what: "astropy",
    present: () => !onPath("apt-get") || onDisk("usr/lib/python3/dist-packages/astropy"),
    apt: ["python3-astropy"],
    dnf: [],
    pacman: [],
    brew: [],
  },
  {
    what: "STILTS",
    present: () => !onPath("apt-get") || Boolean(onPath("stilts")),
    apt: ["stilts"],
    dnf: [],
    pacman: [],
    brew: [],
  },
];

const LIBTORCH_LINES = [
  "python3 -m venv ~/skyloop-torch && ~/skyloop-torch/bin/pip install torch",
  "export LIBTORCH=\"$(~/skyloop-torch/bin/python -c 'import torch, os; print(os.path.dirname(torch.__file__))')\"",
];

/** What is missing here; `forTests` adds what only the tests need. */
export function missingNeeds(forTests) {
  return [...NEEDS, ...(forTests ? TEST_NEEDS : [])].filter((need) => !need.present());
}

/**
 * The commands that install what is missing by apt, run as root or through sudo; null where this is no apt system or
 * there are no rights.
 */
export function aptCommands(missing) {
  if (!onPath("apt-get")) return null;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status !== 0) return null;
  const before = isRoot ? [] : ["sudo", "-n"];
  const env = ["env", "DEBIAN_FRONTEND=noninteractive"];
  return {
    install: [...before, ...env, "apt-get", "install", "-y", "--no-install-recommends", ...packagesFor("apt", missing)],
    update: [...before, ...env, "apt-get", "update"],
  };
}

/** The lines a person runs to get what is missing, for the system described by /etc/os-release or for macOS. */
export function linesFor(missing, system = thisSystem()) {
  const packages = packagesFor(system, missing);
  const lines = [];
  if (system === "apt")
    lines.push("sudo apt-get update", `sudo apt-get install -y --no-install-recommends ${packages.join(" ")}`);
  if (system === "dnf" && packages.length) lines.push(`sudo dnf install ${packages.join(" ")}`);
  if (system === "pacman" && packages.length) lines.push(`sudo pacman -S --needed ${packages.join(" ")}`);
  if (system === "brew")
    lines.push("xcode-select --install", ...(packages.length ? [`brew install ${packages.join(" ")}`] : []));
  if (system === null)
    lines.push(`# with your system's package manager: ${missing.map((need) => need.what).join(", ")}`);
  if (missing.some((need) => need.otherwise && !need[system]?.length)) lines.push(...LIBTORCH_LINES);
  return lines;
}

/** "apt", "dnf", "pacman", "brew", or null for a system not known here. */
export function thisSystem(platform = process.platform, osRelease = readOsRelease()) {
  if (platform === "darwin") return "brew";
  const ids = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => match[1].split(" "));
  if (ids.includes("debian") || ids.includes("ubuntu")) return "apt";
  if (ids.includes("fedora") || ids.includes("rhel")) return "dnf";
  return ids.includes("arch") ? "pacman" : null;
}

/**
 * The warning about the BLAS that Debian's libtorch will load (`libblas.so.3` beside it), with the line to run; null
 * where it is a good one. The reference BLAS is tens of times slower, and OpenBLAS with its own threads fights
 * libtorch's OpenMP threads.
 */
export function blasWarning(libDir) {
  const link = join(libDir, "libblas.so.3");
  if (!existsSync(link)) return null;
  const target = realpathSync(link);
  if (!/openblas-(pthread|serial)|\/blas\/|atlas/.test(target)) return null;
  const wanted = join(libDir, "openblas-openmp");
  const kind = /openblas/.test(target) ? "OpenBLAS without OpenMP, whose threads fight libtorch's" : "a slow BLAS";
  const triplet = libDir.split("/").at(-1);
  const lines = existsSync(wanted) ? [] : ["sudo apt-get install -y libopenblas0-openmp"];
  for (const library of ["blas", "lapack"])
    lines.push(`sudo update-alternatives --set lib${library}.so.3-${triplet} ${wanted}/lib${library}.so.3`);
  return `libtorch will use ${kind} (${target}); for full speed run:\n${lines.map((line) => `    ${line}`).join("\n")}`;
}

/** The browser the tests drive: `CHROMIUM` if set, else the first one on the path; undefined where there is none. */
function findChromium() {
  return process.env.CHROMIUM ?? onPath("chromium", "chromium-browser", "google-chrome");
}

function packagesFor(system, missing) {
  return [...new Set(missing.flatMap((need) => need[system] ?? []))];
}

function onPath(...programs) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find((path) => existsSync(path));
}

function onDisk(...paths) {
  return paths.some((path) => existsSync(`/${path}`));
}

function hasLibtorch() {
  if (process.env.LIBTORCH) return true;
  try {
    findLibtorch();
    return true;
  } catch {
    return false;
  }
}

function readOsRelease() {
  return existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
}
