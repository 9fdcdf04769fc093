import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const ROOT = import.meta.dirname;

/** What changes or counts things that belong to a whole process: such a file of tests has one of its own. */
const OF_THE_PROCESS =
  /setThreads\(|liveTensors|memoryUsage|process\.(env|chdir|on)\b|syncBuiltin|vi\.(mock|spyOn|stub|useFake)/;

/** The files of tests, from the root: those that have a process of their own, and the others. */
function filesOfTests(): { alone: string[]; together: string[] } {
  const below = (folder: string) => (readdirSync(join(ROOT, folder), { recursive: true }) as string[]).sort();
  const files = ["src", "web", "scripts", "test"].flatMap((folder) => below(folder).map((file) => join(folder, file)));
  const tests = files.filter((file) => /\.test\.(ts|mjs)$/.test(file) && !/^(web\/dist|test\/e2e)\//.test(file));
  const isAlone = (file: string) => OF_THE_PROCESS.test(readFileSync(join(ROOT, file), "utf8"));
  return { alone: tests.filter(isAlone), together: tests.filter((file) => !isAlone(file)) };
}

/** Files with a process of their own first, so that the others are not parted: a process that they share goes on. */
class AloneFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isAlone = ({ project }: TestSpecification) => project.name === "alone";
    return [...sorted.filter(isAlone), ...sorted.filter((file) => !isAlone(file))];
  }
}

const { isDistFresh } = (await import(join(ROOT, "scripts/build.mjs"))) as { isDistFresh(): boolean };
const { alone, together } = filesOfTests();

// Two workers and passive OpenMP waiting: on few cores, pools of threads that spin while they wait cost more than they
// give. A process of its own for each file (loading libtorch and the rest) took a fifth of the time of all tests.
export default defineConfig({
  test: {
    globalSetup: "test/global.ts",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    sequence: { sequencer: AloneFirst },
    env: {
      DATABASE_URL: "",
      OMP_WAIT_POLICY: "PASSIVE",
      GOMP_SPINCOUNT: "3000",
      SKYLOOP_WORKERS: isDistFresh() ? "dist" : "",
    },
    projects: [
      { extends: true, test: { name: "alone", include: alone } },
      { extends: true, test: { name: "together", include: together, isolate: false } },
    ],
  },
});
