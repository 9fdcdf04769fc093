import type { FeatureSet } from "../../src/contract/api.ts";

/** Says how far the features of a survey are, without which no search can start. */
export function FeaturesHint({ growing }: { growing: FeatureSet | null }) {
  if (growing === null)
    return <p className="hint">No features yet: a search can start when skyloop embed has computed them.</p>;
  const { done, total } = growing;
  return (
    <p className="hint" role="status">
      Features: {done.toLocaleString("en-US")} of {total.toLocaleString("en-US")} objects. Choose examples meanwhile; a
      search can start when all are there. <progress value={done} max={total} aria-label="Features computed" />
    </p>
  );
}
