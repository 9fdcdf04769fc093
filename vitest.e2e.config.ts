import { defineConfig } from "vitest/config";

/** The page in a real browser against a real server: `npm run e2e`. */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    globalSetup: "test/e2e/global.ts",
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    fileParallelism: false,
    pool: "forks",
    env: { DATABASE_URL: "" },
  },
});
