import { MultiBar, Presets, type SingleBar } from "cli-progress";

/** Told of finished work; `total` may grow. Implementations never throw. */
export interface Progress {
  update(done: number, total: number, note?: string): void;
  end(note?: string): void;
}

/** Says nothing. */
export const SILENT: Progress = { update() {}, end() {} };

/**
 * A bar on standard error with rate and time left where it is a terminal, a line every ten seconds where it is not, so
 * that logs stay short. `unit` is what is counted ("stamps").
 */
export function terminalProgress(label: string, unit: string): Progress {
  const start = performance.now();
  const rate = (done: number) => `${((done * 1000) / Math.max(performance.now() - start, 1)).toFixed(1)} ${unit}/s`;
  if (process.stderr.isTTY) {
    const bars = new MultiBar(
      {
        format: `${label} {bar} {value}/{total} {rate} {eta_formatted} left {note}`,
        hideCursor: true,
        stream: process.stderr,
      },
      Presets.shades_classic,
    );
    let bar: SingleBar | null = null;
    return {
      update(done, total, note = "") {
        bar ??= bars.create(total, 0, { rate: "", note: "" });
        bar.setTotal(total);
        bar.update(done, { rate: rate(done), note });
      },
      end() {
        bars.stop();
      },
    };
  }
  let last = -Infinity;
  return {
    update(done, total, note = "") {
      const now = performance.now();
      if (now - last < 10_000 && done < total) return;
      last = now;
      const left = done > 0 ? ((now - start) / done) * (total - done) : 0;
      process.stderr.write(
        `${label}: ${done}/${total} ${unit}, ${rate(done)}, ${Math.round(left / 1000)} s left ${note}\n`,
      );
    },
    end(note) {
      if (note) process.stderr.write(`${label}: ${note}\n`);
    },
  };
}
