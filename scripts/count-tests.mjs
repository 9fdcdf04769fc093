import { readFileSync } from "node:fs";
import { relative } from "node:path";

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

/**
 * The tests that failed in vitest's JSON report, a few lines each: file, name, and how their messages begin. Files that
 * could not be loaded are among them.
 * @param {string} path
 * @param {string} root what file names are told from
 * @returns {string[]}
 */
export function failedTests(path, root) {
  const told = (name, test, message) =>
    [`${relative(root, name)} > ${test}`, ...message.split("\n").slice(0, 6)].join("\n    ");
  return JSON.parse(readFileSync(path, "utf8")).testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (status === "failed" && failed.length === 0) return [told(name, "the file itself", message)];
    return failed.map((test) => told(name, test.fullName, (test.failureMessages ?? []).join("\n")));
  });
}
