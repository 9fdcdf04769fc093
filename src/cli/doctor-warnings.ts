/** The engine as this process loaded it. Speed in 10^9 floating-point operations a second. */
export interface Engine {
  version: string;
  source: string;
  folder: string;
  blas: string | null;
  threads: number;
  devices: string[];
  /** What was measured. */
  device: string;
  gflops: number;
}

/** What a detector's operators answer to a question whose answer is known. */
export interface Regions {
  roiAlign: number[];
  nms: number[];
}

/** The middle of four bins of a map of 0 to 15, and the best of two boxes that overlap with a third beside them. */
const RIGHT_REGIONS: Regions = { roiAlign: [2.5, 4.5, 10.5, 12.5], nms: [0, 2] };

/** Whether the operators give the known answers. */
export const areRight = ({ roiAlign, nms }: Regions): boolean =>
  nms.join() === RIGHT_REGIONS.nms.join() &&
  roiAlign.length === RIGHT_REGIONS.roiAlign.length &&
  roiAlign.every((value, i) => Math.abs(value - RIGHT_REGIONS.roiAlign[i]) < 1e-5);

/**
 * What the machine and the installation are like. Sizes in GiB. A part that does not load is null, and `failures` says
 * why.
 */
export interface Report {
  skyloop: string;
  compiled: boolean;
  node: string;
  system: string;
  processor: string;
  processors: number;
  load: number;
  engine: Engine | null;
  regions: Regions | null;
  cfitsio: string | null;
  libtorchVariable: string | null;
  ompWaitPolicy: string | null;
  memoryGib: number;
  memoryFreeGib: number;
  diskFreeGib: number;
  chromium: string | null;
  page: boolean;
  failures: string[];
}

/** Something that makes Skyloop slow or wrong here, and what to do about it. */
export interface Warning {
  what: string;
  remedy: string;
}

/** What makes Skyloop slow or wrong on such a machine. */
export function warningsFor(report: Report): Warning[] {
  const warnings: Warning[] = report.failures.map((failure) => ({
    what: failure,
    remedy: "run `npm run setup`; its log says what fails",
  }));
  const warn = (when: boolean, what: string, remedy: string) => {
    if (when) warnings.push({ what, remedy });
  };
  if (report.engine) warnAboutEngine(report, report.engine, warn);
  const { regions } = report;
  warn(
    regions !== null && !areRight(regions),
    `skyloop::roi_align and skyloop::nms answer ${JSON.stringify(regions)} instead of ${JSON.stringify(RIGHT_REGIONS)}: detectors find nothing or the wrong things`,
    "build the native part anew: remove native/build and run `npm run setup`",
  );
  const policy = report.ompWaitPolicy;
  warn(
    policy?.toUpperCase() !== "PASSIVE",
    `OMP_WAIT_POLICY is ${policy ?? "not set"}: waiting threads keep the processors from working ones`,
    "unset OMP_WAIT_POLICY (skyloop then sets it to PASSIVE)",
  );
  const busy = `other programs keep this machine busy (load ${report.load.toFixed(1)} on ${report.processors} processors); the measured speed suffers too`;
  warn(report.load > report.processors * 1.5, busy, "wait until they end, then run skyloop doctor again");
  warn(
    report.memoryFreeGib < 2,
    `${report.memoryFreeGib} GiB of memory are free`,
    "close other programs, or choose a smaller model",
  );
  warn(
    report.diskFreeGib < 5,
    `${report.diskFreeGib} GiB are free on this disk`,
    "make room, or work in a folder on another disk",
  );
  warn(!report.page, "the page is not built", "run `npm run setup`");
  return warnings;
}

function warnAboutEngine(
  report: Report,
  engine: Engine,
  warn: (when: boolean, what: string, remedy: string) => void,
): void {
  const openmp =
    "install libopenblas0-openmp; where several are installed, `sudo update-alternatives --config libblas.so.3-$(uname -m)-linux-gnu` chooses";
  warn(
    /openblas-(pthread|serial)/.test(engine.blas ?? ""),
    `OpenBLAS without OpenMP (${engine.blas}): its threads and libtorch's fight`,
    openmp,
  );
  warn(
    /\/blas\/|atlas/.test(engine.blas ?? ""),
    `a slow BLAS (${engine.blas}): matrix products take many times as long`,
    openmp,
  );
  const many = `${engine.threads} threads on ${report.processors} processors: they take turns`;
  warn(
    engine.threads > report.processors,
    many,
    `set SKYLOOP_THREADS=${report.processors}, or unset it and OMP_NUM_THREADS`,
  );
  const few = `${engine.threads} of ${report.processors} processors are used`;
  warn(
    engine.threads < report.processors,
    few,
    "unset SKYLOOP_THREADS and OMP_NUM_THREADS, unless the others are meant to stay free",
  );
  const slow = `matrix products reach ${engine.gflops} GFLOP/s with ${engine.threads} threads; a current processor gives 40 or more a thread`;
  warn(
    engine.gflops < 15 * engine.threads,
    slow,
    "see to the other warnings; in a virtual machine or container, ask for whole processors",
  );
  const other = report.libtorchVariable !== null && engine.source !== "LIBTORCH";
  warn(
    other,
    `LIBTORCH is set, but the addon was built with ${engine.folder}`,
    "run `npm run setup` with LIBTORCH set",
  );
}
