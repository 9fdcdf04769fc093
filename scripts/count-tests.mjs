import { readFileSync } from "node:fs";

/**
 * Counts the tests in vitest's JSON report. A file that could not be loaded holds no tests and still counts as one
 * failure, and so does a run that failed without a failed test (or without a report, `path` null): a failure never
 * reads as zero.
 * @param {string | null} path
 * @param {boolean} ok whether the run ended well
 */
export function countTests(path, ok) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of path ? JSON.parse(readFileSync(path, "utf8")).testResults : []) {
    for (const { status } of file.assertionResults) {
      if (status === "passed" || status === "failed") counts[status]++;
      else counts.skipped++;
    }
    if (file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed")) counts.failed++;
  }
  if (!ok && counts.failed === 0) counts.failed = 1;
  return counts;
}
