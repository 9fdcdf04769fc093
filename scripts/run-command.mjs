import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, STAMPS } from "./stamps.mjs";

/** A step that failed: what to show, and what to do about it. */
export class StepError extends Error {
  constructor(message, remedy) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * Runs a command in the package's folder; its output goes to a log file, and its last line to `onLine`. Throws
 * StepError with the last 40 lines.
 */
export async function runCommand(step, command, { env = {}, remedy, onLine }) {
  mkdirSync(STAMPS, { recursive: true });
  const log = join(STAMPS, `${step}.log`);
  const file = createWriteStream(log);
  const last = [];
  const code = await new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        file.write(text);
        for (const line of text.split("\n").filter((line) => line.trim())) {
          last.push(line);
          onLine?.(line);
        }
        last.splice(0, last.length - 40);
      });
    }
    child.on("error", reject);
    child.on("close", (status, signal) => resolve(signal ?? status));
  }).catch((error) => error.message);
  file.end();
  if (code !== 0)
    throw new StepError(
      `${command.join(" ")} ended with ${code}:\n${last.map((line) => `    ${line}`).join("\n")}\n  (all of it: ${log})`,
      remedy,
    );
}

/** Steps that run now, first begun first: what a terminal's last line shows. */
const running = new Set();

function drawRunning() {
  const text = [...running].map(({ title, seconds }) => `${title} ${seconds()}`).join(" | ");
  const line = [...running].map((step) => step.line).findLast((words) => words !== "") ?? "";
  process.stderr.write(`\r\x1b[K${`${text}  ${line}`.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

/**
 * Shows a step while it runs: on a terminal its name, the seconds so far and the last line of output, in place, beside
 * other steps that run at the same time; elsewhere a line at its start and its end. `work` gets the function that takes
 * output lines.
 */
export async function showStep(title, work) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const live = process.stderr.isTTY;
  const step = { title, seconds, line: "" };
  if (!live) process.stderr.write(`${title} …\n`);
  running.add(step);
  const timer = live ? setInterval(drawRunning, 200) : undefined;
  const end = (how) => process.stderr.write(`${live ? "\r\x1b[K" : ""}${title}: ${how} ${seconds()}\n`);
  try {
    await work((text) => {
      step.line = text.trim();
    });
    end("done in");
  } catch (error) {
    end("failed after");
    throw error;
  } finally {
    running.delete(step);
    clearInterval(timer);
  }
}
