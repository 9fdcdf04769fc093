import { defineConfig } from "vitest/config";

/** Files that measure how smoothly the page moves: nothing runs beside them. */
const ALONE = ["test/e2e/large.test.ts"];

/** The page in a real browser against a real server: `npm run e2e`. Two files at a time: each waits for much. */
export default defineConfig({
  test: {
    globalSetup: "test/e2e/global.ts",
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    pool: "forks",
    env: { DATABASE_URL: "" },
    projects: [
      {
        extends: true,
        test: { name: "pairs", include: ["test/e2e/**/*.test.ts"], exclude: ALONE, maxWorkers: 2 },
      },
      {
        extends: true,
        test: { name: "alone", include: ALONE, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
