import { describe, expect, it } from "vitest";
import { findBlas } from "./doctor.ts";
import { type Report, warningsFor } from "./doctor-warnings.ts";

const GOOD: Report = {
  skyloop: "0.1.0",
  compiled: true,
  node: "20.0.0",
  system: "Debian",
  processor: "some",
  processors: 2,
  load: 0.1,
  engine: {
    version: "1.13.0",
    source: "debian",
    folder: "/usr/lib",
    blas: "/usr/lib/openblas-openmp/libblas.so.3",
    threads: 2,
    devices: ["cpu"],
    device: "cpu",
    gflops: 140,
  },
  regions: { roiAlign: [2.5, 4.5, 10.500001, 12.5], nms: [0, 2] },
  cfitsio: "4.2.0",
  libtorchVariable: null,
  ompWaitPolicy: "PASSIVE",
  memoryGib: 16,
  memoryFreeGib: 8,
  diskFreeGib: 50,
  chromium: null,
  page: true,
  failures: [],
};
const engine = (change: Partial<NonNullable<Report["engine"]>>): Partial<Report> => ({
  engine: { ...GOOD.engine!, ...change },
});

describe("warningsFor", () => {
  it("has nothing to say about a good machine, or the lack of Chromium", () => {
    expect(warningsFor(GOOD)).toEqual([]);
  });

  it.each<[string, Partial<Report>, RegExp]>([
    [
      "OpenBLAS with its own threads",
      engine({ blas: "/usr/lib/openblas-pthread/libblas.so.3" }),
      /OpenBLAS without OpenMP/,
    ],
    ["the reference BLAS", engine({ blas: "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0" }), /a slow BLAS/],
    ["too many threads", engine({ threads: 8, gflops: 500 }), /8 threads on 2 processors/],
    ["idle processors", engine({ threads: 1 }), /1 of 2 processors/],
    [
      "operators of detectors that are wrong",
      { regions: { roiAlign: [2.5, 4.5, 10.5, 12.6], nms: [0, 2] } },
      /roi_align.*12\.6/,
    ],
    ["boxes that are kept and should not be", { regions: { roiAlign: [2.5, 4.5, 10.5, 12.5], nms: [0, 1, 2] } }, /nms/],
    ["slow products", engine({ gflops: 5 }), /5 GFLOP/],
    ["another libtorch than asked for", { libtorchVariable: "/opt/libtorch" }, /LIBTORCH is set/],
    ["spinning threads", { ompWaitPolicy: "ACTIVE" }, /OMP_WAIT_POLICY is ACTIVE/],
    ["a busy machine", { load: 9 }, /load 9\.0/],
    ["little memory", { memoryFreeGib: 1 }, /1 GiB of memory/],
    ["a full disk", { diskFreeGib: 0.5 }, /0\.5 GiB are free/],
    ["no page", { page: false }, /page is not built/],
    [
      "a part that does not load",
      { engine: null, failures: ["the native part does not load"] },
      /native part does not load/,
    ],
  ])("warns about %s, once and with a remedy", (_, change, what) => {
    const warnings = warningsFor({ ...GOOD, ...change });
    expect(warnings).toEqual([{ what: expect.stringMatching(what), remedy: expect.stringMatching(/.{10}/) }]);
  });
});

describe("findBlas", () => {
  it("tells the BLAS from other libraries, Debian's and MKL's", () => {
    expect(findBlas(["/usr/lib/libc10.so", "/usr/lib/nowhere/libopenblasp-r0.3.21.so", "/usr/lib/libm.so"])).toBe(
      "/usr/lib/nowhere/libopenblasp-r0.3.21.so",
    );
    expect(findBlas(["/opt/nowhere/libmkl_core.so.2"])).toBe("/opt/nowhere/libmkl_core.so.2");
    expect(findBlas(["/usr/lib/libc10.so", "/usr/lib/libcublas_not.txt"])).toBeNull();
  });
});
