/** "Artefact" as an answer: the object is no galaxy to look at, and neither are those like it. */
import { noGrad, op, scope } from "../torch/index.ts";
import type { FeatureSpace } from "./learn.ts";
import { directions } from "./similar.ts";

/** The tag that says it; it stands beside the label "negative". */
export const ARTEFACT_TAG = "artefact";

/** Objects at least so like an artefact (cosine of standardised features) are taken for its like. */
const LIKE_COSINE = 0.7;
const BLOCK_ROWS = 4096;

/** Largest cosine of each of some rows to any of others; -1 where there are none. */
function nearestOf(space: FeatureSpace, rows: Uint32Array, others: readonly number[]): Float32Array {
  const out = new Float32Array(rows.length).fill(-1);
  if (others.length === 0) return out;
  noGrad(() =>
    scope(() => {
      const turned = directions(space, others).t();
      for (let from = 0; from < rows.length; from += BLOCK_ROWS) {
        const part = rows.subarray(from, from + BLOCK_ROWS);
        scope(() =>
          op("amax", directions(space, part).matmul(turned), [1], false).copyTo(out.subarray(from, from + part.length)),
        );
      }
    }),
  );
  return out;
}

/**
 * The candidates that are no like of an artefact: those less like any artefact than `LIKE_COSINE`, or liker to another
 * answered object. All of them where nothing would be left.
 */
export function withoutArtefacts(
  space: FeatureSpace,
  candidates: Uint32Array,
  artefacts: readonly number[],
  answered: readonly number[],
  least = LIKE_COSINE,
): Uint32Array {
  if (artefacts.length === 0) return candidates;
  const [bad, good] = [nearestOf(space, candidates, artefacts), nearestOf(space, candidates, answered)];
  const kept = candidates.filter((_, i) => bad[i] < least || bad[i] < good[i]);
  return kept.length === 0 ? candidates : kept;
}
