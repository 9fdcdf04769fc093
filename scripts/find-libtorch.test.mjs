import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { abiOf, findLibtorch } from "./find-libtorch.mjs";

const OLD_ABI = "_ZN3c105ErrorC1ENS_14SourceLocationESs";
const NEW_ABI = "_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
const noPython = () => null;

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "skyloop-libtorch-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A folder tree that looks like libtorch: headers below `include`, libraries in `lib`. */
function fakeLibtorch(include, lib, { version = [2, 5, 1], symbols = NEW_ABI } = {}) {
  write(join(include, "torch/csrc/api/include/torch/torch.h"), "");
  const [major, minor, patch] = version;
  const text = `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`;
  write(join(include, "torch/csrc/api/include/torch/version.h"), text);
  write(join(lib, "libc10.so"), `\x7fELF\0${symbols}\0`);
}

describe("findLibtorch", () => {
  it("takes LIBTORCH before the system's", () => {
    fakeLibtorch("mine/include", "mine/lib", { version: [2, 5, 1], symbols: OLD_ABI });
    fakeLibtorch("usr/include", "usr/lib/x86_64-linux-gnu", { version: [1, 13, 0] });
    const found = findLibtorch({ env: { LIBTORCH: join(root, "mine") }, root, pythonTorch: noPython });
    expect(found).toEqual({
      includes: [join(root, "mine/include"), join(root, "mine/include/torch/csrc/api/include")],
      libDir: join(root, "mine/lib"),
      cxx11Abi: 0,
      version: "2.5.1",
      source: "LIBTORCH",
      openblas: null,
    });
  });

  it("does not pass over a LIBTORCH that is wrong", () => {
    fakeLibtorch("usr/include", "usr/lib/x86_64-linux-gnu");
    expect(() => findLibtorch({ env: { LIBTORCH: join(root, "nowhere") }, root, pythonTorch: noPython })).toThrow(
      /LIBTORCH=.*nowhere holds no libtorch/,
    );
  });

  it.each(["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib"])(
    "finds the system's in %s",
    (lib) => {
      fakeLibtorch("usr/include", lib, { version: [1, 13, 0] });
      const found = findLibtorch({ env: {}, root, pythonTorch: noPython });
      expect(found).toMatchObject({ libDir: join(root, lib), cxx11Abi: 1, version: "1.13.0", source: "debian" });
    },
  );

  it("passes over libraries without headers", () => {
    write("usr/lib/x86_64-linux-gnu/libc10.so", NEW_ABI);
    expect(() => findLibtorch({ env: {}, root, pythonTorch: noPython })).toThrow(/no libtorch/);
  });

  it("takes the one inside a Python torch when there is no other, from the first Python that has one", () => {
    fakeLibtorch("site-packages/torch/include", "site-packages/torch/lib");
    const asked = [];
    const pythonTorch = (python) => {
      asked.push(python);
      return python === "/usr/bin/python3" ? join(root, "site-packages/torch") : null;
    };
    expect(findLibtorch({ env: {}, root, pythonTorch })).toMatchObject({
      source: "python",
      libDir: join(root, "site-packages/torch/lib"),
      version: "2.5.1",
    });
    expect(asked).toEqual(["python3", "/usr/bin/python3"]);
  });

  it("reads the version where newer releases keep it", () => {
    fakeLibtorch("usr/include", "usr/lib64");
    const header = "usr/include/torch/csrc/api/include/torch/version.h";
    write("usr/include/torch/headeronly/version.h", readFileSync(join(root, header), "utf8"));
    write(header, "#include <torch/headeronly/version.h>\n");
    expect(findLibtorch({ env: {}, root, pythonTorch: noPython }).version).toBe("2.5.1");
  });
});

describe("abiOf", () => {
  it("is not misled by names of the new ABI that come from libstdc++", () => {
    expect(abiOf(Buffer.from(`${OLD_ABI}\0_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE6resizeEmc`))).toBe(0);
  });

  const compiler = spawnSync("g++", ["--version"]).status === 0;
  it.skipIf(!compiler).each([0, 1])("reads %i off a library compiled with it", (abi) => {
    write("error.cc", "#include <string>\nnamespace c10 { void fail(const std::string& what) { throw what; } }\n");
    const library = join(root, "libc10.so");
    const built = spawnSync(
      "g++",
      ["-shared", "-fPIC", `-D_GLIBCXX_USE_CXX11_ABI=${abi}`, "-o", library, join(root, "error.cc")],
      { encoding: "utf8" },
    );
    expect(built.stderr).toBe("");
    expect(abiOf(readFileSync(library))).toBe(abi);
  });
});
