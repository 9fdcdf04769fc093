import { defineConfig } from "vitest/config";

// Two workers and passive OpenMP waiting: on few cores, pools of threads that spin while they wait cost more than they
// give.
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "web/**/*.test.ts", "scripts/**/*.test.{ts,mjs}", "test/**/*.test.ts"],
    exclude: ["test/e2e/**", "node_modules/**", "dist/**", "web/dist/**"],
    globalSetup: "test/global.ts",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    env: { DATABASE_URL: "", OMP_WAIT_POLICY: "PASSIVE", GOMP_SPINCOUNT: "3000" },
  },
});
