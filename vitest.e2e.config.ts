import { defineConfig } from "vitest/config";

/** The page in a real browser against a real server: `npm run e2e`. */
export default defineConfig({
  test: { include: ["test/e2e/**/*.test.ts"], testTimeout: 90_000, hookTimeout: 120_000, fileParallelism: false, pool: "forks" },
});
