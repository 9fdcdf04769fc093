/**
 * The learning rate of step `step` of `steps`: linear warm-up, then half a cosine down to `floor` times the peak
 * (Loshchilov & Hutter 2017).
 */
export function warmupCosine(step: number, steps: number, warmup: number, peak: number, floor = 0.01): number {
  if (step < warmup) return (peak * (step + 1)) / warmup;
  const done = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * done)));
}
