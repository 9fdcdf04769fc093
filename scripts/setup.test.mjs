import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { countTests, failedTests } from "./count-tests.mjs";
import { installedPackagesMatch } from "./npm-packages.mjs";
import { newestChange } from "./stamps.mjs";
import { blasWarning, linesFor, missingNeeds, thisSystem } from "./system-packages.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "skyloop-setup-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path, content) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
  return join(root, path);
}

describe("installedPackagesMatch", () => {
  const zod = { version: "4.0.0", integrity: "sha512-a" };
  const lock = (packages) => write("package-lock.json", { packages: { "": { name: "skyloop" }, ...packages } });
  const installed = (packages) => {
    write("node_modules/.package-lock.json", { packages });
    for (const path of Object.keys(packages)) write(`${path}/package.json`, {});
  };

  it("is true where npm installed what the lockfile asks for", () => {
    lock({ "node_modules/zod": zod });
    installed({ "node_modules/zod": zod });
    expect(installedPackagesMatch(root)).toBe(true);
  });

  it.each([
    ["nothing is installed", {}, null],
    ["another version is", {}, { "node_modules/zod": { ...zod, version: "3.0.0" } }],
    ["other bytes are", {}, { "node_modules/zod": { ...zod, integrity: "sha512-b" } }],
    ["a package is missing", { "node_modules/pino": zod }, { "node_modules/zod": zod }],
  ])("is false where %s", (_, more, have) => {
    lock({ "node_modules/zod": zod, ...more });
    if (have) installed(have);
    expect(installedPackagesMatch(root)).toBe(false);
  });

  it("is false where a recorded package was deleted", () => {
    lock({ "node_modules/zod": zod });
    installed({ "node_modules/zod": zod });
    rmSync(join(root, "node_modules/zod"), { recursive: true });
    expect(installedPackagesMatch(root)).toBe(false);
  });

  it("does not ask for the optional packages of other platforms", () => {
    lock({ "node_modules/zod": zod, "node_modules/sharp-win32": { ...zod, optional: true } });
    installed({ "node_modules/zod": zod });
    expect(installedPackagesMatch(root)).toBe(true);
  });
});

describe("newestChange", () => {
  it("sees a changed file and a removed one", () => {
    const file = write("src/a/b.ts", "");
    const old = new Date(2020, 0);
    for (const path of [file, join(root, "src/a"), join(root, "src")]) utimesSync(path, old, old);
    expect(newestChange(join(root, "src"))).toBe(old.getTime());
    utimesSync(file, new Date(2021, 0), new Date(2021, 0));
    expect(newestChange(join(root, "src"))).toBe(new Date(2021, 0).getTime());
    rmSync(file);
    expect(newestChange(join(root, "src"))).toBeGreaterThan(new Date(2022, 0).getTime());
  });
});

describe("blasWarning", () => {
  const link = (target) => {
    write(`lib/${target}`, "");
    symlinkSync(join(root, "lib", target), join(root, "lib/libblas.so.3"));
    return blasWarning(join(root, "lib"));
  };

  it("says nothing of OpenBLAS with OpenMP", () => {
    expect(link("openblas-openmp/libblas.so.3")).toBeNull();
  });

  it("names the reference BLAS and OpenBLAS's own threads, and the lines to run", () => {
    expect(link("blas/libblas.so.3")).toMatch(
      /a slow BLAS[\s\S]*apt-get install -y libopenblas0-openmp[\s\S]*--set libblas\.so\.3/,
    );
    rmSync(join(root, "lib"), { recursive: true });
    expect(link("openblas-pthread/libblas.so.3")).toMatch(/without OpenMP[\s\S]*--set liblapack\.so\.3/);
  });

  it("does not ask to install what is there", () => {
    write("lib/openblas-openmp/libblas.so.3", "");
    expect(link("blas/libblas.so.3")).not.toMatch(/install/);
  });
});

describe("linesFor", () => {
  const missing = [
    { what: "cfitsio", apt: ["libcfitsio-dev"], dnf: ["cfitsio-devel"], pacman: ["cfitsio"], brew: ["cfitsio"] },
    {
      what: "libtorch",
      apt: ["libtorch-dev", "libopenblas0-openmp", "libgloo-dev"],
      dnf: [],
      pacman: ["python-pytorch"],
      brew: [],
      otherwise: true,
    },
  ];

  it.each([
    ["apt", /apt-get install -y --no-install-recommends libcfitsio-dev libtorch-dev libopenblas0-openmp libgloo-dev$/m],
    ["dnf", /dnf install cfitsio-devel\n.*pip install torch\nexport LIBTORCH=/],
    ["pacman", /pacman -S --needed cfitsio python-pytorch$/],
    ["brew", /brew install cfitsio\n.*pip install torch/],
    [null, /package manager: cfitsio, libtorch\n.*pip install torch/],
  ])("gives the lines of %s", (system, lines) => {
    expect(linesFor(missing, system).join("\n")).toMatch(lines);
  });

  it("tells systems apart by os-release and platform", () => {
    expect(thisSystem("linux", 'ID=ubuntu\nID_LIKE="debian"\n')).toBe("apt");
    expect(thisSystem("linux", 'ID="rocky"\nID_LIKE="rhel centos fedora"\n')).toBe("dnf");
    expect(thisSystem("linux", "ID=arch\n")).toBe("pacman");
    expect(thisSystem("linux", "ID=nixos\n")).toBeNull();
    expect(thisSystem("darwin", "")).toBe("brew");
  });
});

describe("missingNeeds", () => {
  it("asks for Chromium only for the tests", () => {
    const path = process.env.PATH;
    try {
      process.env.PATH = root;
      const names = (forTests) => missingNeeds(forTests).map((need) => need.what);
      expect(names(false)).toEqual(expect.arrayContaining(["a C++ compiler", "make"]));
      expect(names(false)).not.toContain("Chromium");
      expect(names(true)).toContain("Chromium");
    } finally {
      process.env.PATH = path;
    }
  });
});

describe("countTests", () => {
  const report = (...testResults) => write("report.json", { testResults });
  const test = (status) => ({ status });

  it("adds up the files", () => {
    const path = report(
      { status: "passed", assertionResults: [test("passed"), test("skipped")] },
      { status: "failed", assertionResults: [test("failed"), test("todo")] },
    );
    expect(countTests(path, false)).toEqual({ passed: 1, failed: 1, skipped: 2 });
  });

  it("counts a file that does not load, and a run without a report, as a failure", () => {
    expect(countTests(report({ status: "failed", assertionResults: [] }), false)).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
    });
    expect(countTests(null, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe("failedTests", () => {
  it("tells file, name and message of what failed, and of a file that does not load", () => {
    const test = { status: "failed", fullName: "adds up", failureMessages: ["expected 1 to be 2\n at a.test.ts:3"] };
    const path = write("report.json", {
      testResults: [
        { name: join(root, "src/a.test.ts"), status: "failed", assertionResults: [test, { status: "passed" }] },
        { name: join(root, "src/b.test.ts"), status: "failed", message: "no such module", assertionResults: [] },
        { name: join(root, "src/c.test.ts"), status: "passed", assertionResults: [{ status: "passed" }] },
      ],
    });
    expect(failedTests(path, root)).toEqual([
      "src/a.test.ts > adds up\n    expected 1 to be 2\n     at a.test.ts:3",
      "src/b.test.ts > the file itself\n    no such module",
    ]);
  });
});
