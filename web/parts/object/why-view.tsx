import type { Why } from "../../../src/contract/insight.ts";
import { pictureUrl } from "../../client/api.ts";
import { Picture } from "../picture.tsx";

interface Props {
  why: Why | "asked" | { failure: string } | null;
  survey: string;
  onAsk(): void;
  onOther(object: string): void;
}

const signed = (influence: number): string => `${influence > 0 ? "+" : "−"}${Math.abs(influence).toFixed(2)}`;

/** Why an object has its score: the labelled examples that matter most. The regions are drawn over the picture. */
export function WhyView({ why, survey, onAsk, onOther }: Props) {
  if (why === null || why === "asked")
    return (
      <button type="button" disabled={why === "asked"} onClick={onAsk}>
        {why === "asked" ? "Computing…" : "Why this score?"}
      </button>
    );
  if ("failure" in why) return <p className="hint">No reasons: {why.failure}.</p>;
  return (
    <section aria-label="Why this score" className="why">
      <h3>Why {why.score.toFixed(3)}</h3>
      <div className="strip">
        {why.examples.slice(0, 8).map(({ object, label, influence }) => (
          <button
            key={object}
            type="button"
            className={influence > 0 ? "for" : "against"}
            title={`${object}, labelled ${label}: ${influence > 0 ? "raises" : "lowers"} the score (${influence.toFixed(2)} of the strongest)`}
            aria-label={`${object}, labelled ${label}, ${influence > 0 ? "raises" : "lowers"} the score: ${signed(influence)}`}
            onClick={() => onOther(object)}
          >
            <Picture url={pictureUrl(survey, object, 64)} size={56} />
            <span>{signed(influence)}</span>
          </button>
        ))}
      </div>
      <p className="hint">
        Green frames raise the score, red ones lower it.
        {why.heat !== null && " In the picture, green regions raise the score and magenta ones lower it."}
      </p>
      <details>
        <summary className="hint">How this is computed</summary>
        <p className="hint">
          {why.how}
          {why.heat === null && " Regions need the released weights that made the features; they are not here."}
        </p>
      </details>
    </section>
  );
}
