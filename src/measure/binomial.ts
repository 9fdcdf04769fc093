/** Sums of the binomial distribution. */

/** Probability of `successes` or more in `trials`, each with probability `share`; 1 for none or more. */
export function binomialTail(successes: number, trials: number, share: number): number {
  let term = (1 - share) ** trials;
  let below = 0;
  for (let k = 0; k < successes; k++) {
    below += term;
    term *= ((trials - k) / (k + 1)) * (share / (1 - share));
  }
  return Math.max(0, 1 - below);
}
