import { type ReactNode, useEffect, useRef, useState } from "react";
import type { SessionState } from "../../src/contract/api.ts";
import type { Preview } from "../../src/contract/insight.ts";
import { api, pictureUrl } from "../client/api.ts";
import { Picture } from "./picture.tsx";
import "./alpha.css";

/** Which way the alpha rule points: as `ruleMode` of the server. */
const modeOf = (positives: number, negatives: number, alpha: number): "highest" | "lower" =>
  positives === 0 || (negatives > 0 && positives / negatives <= alpha) ? "highest" : "lower";

const SETTLED_MS = 250;

/** The alpha rule's one number, with what it does in plain words. The change is reported when the slider rests. */
export function AlphaSlider({
  alpha,
  answers,
  onChange,
  id,
  preview,
  settledMs = SETTLED_MS,
}: {
  alpha: number;
  answers: number;
  onChange(alpha: number): void;
  id: string;
  preview?: (alpha: number) => ReactNode;
  /** How long the slider must rest before the change is reported; 0: at once. */
  settledMs?: number;
}) {
  const [draft, setDraft] = useState(alpha);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setDraft(alpha), [alpha]);
  // P / (n - P) <= alpha where P <= n alpha / (1 + alpha).
  const turn = Math.floor((answers * draft) / (1 + draft) + 1e-9);
  const meaning =
    draft >= 0.75
      ? "Precision: keeps showing the most certain objects, for a clean sample."
      : draft <= 0.25
        ? "Recall: soon looks at less certain objects too, so that few are missed."
        : "Balance: certain objects while they are still wrong too often, then doubtful ones.";
  const share = (turn + 0.5) / (answers + 1);
  return (
    <div className="alpha">
      <label htmlFor={id}>
        Alpha <output>{draft.toFixed(2)}</output>
      </label>
      <div className="ends">
        <span>find all</span>
        <input
          id={id}
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={draft}
          aria-describedby={`${id}-meaning`}
          onChange={(event) => {
            const value = Number(event.target.value);
            setDraft(value);
            clearTimeout(timer.current);
            if (settledMs === 0) onChange(value);
            else timer.current = setTimeout(() => onChange(value), settledMs);
          }}
        />
        <span>be sure</span>
      </div>
      <div className="alpha-rule" aria-hidden="true" style={{ "--turn": `${100 * share}%` } as React.CSSProperties}>
        <span>0 positive</span>
        <span>
          {answers} of {answers}
        </span>
      </div>
      <p id={`${id}-meaning`} className="hint">
        {meaning} Of {answers} answers in a round: with up to {turn} positive the next round shows the{" "}
        <b className="tone-highest">highest</b> scores, with {turn + 1} or more it looks at{" "}
        <b className="tone-lower">lower</b> ones, one of each kind.
      </p>
      {preview?.(draft)}
    </div>
  );
}

/** What the next round would show first with the answers given so far, for any alpha. */
export function NextPreview({
  state,
  round,
  learned,
  alpha,
}: {
  state: SessionState;
  round: number;
  learned: number;
  alpha: number;
}) {
  const [preview, setPreview] = useState<Preview | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new ranking is a new preview
  useEffect(() => {
    if (!state.ranked) return;
    let gone = false;
    api.preview(state.session).then(
      (found) => !gone && setPreview(found),
      () => {},
    );
    return () => {
      gone = true;
    };
  }, [state.session, state.ranked, learned]);
  const given = Object.values(state.labels).filter((label) => label.round === round);
  const count = (value: string) => given.filter((label) => label.value === value).length;
  const [positives, negatives] = [count("positive"), count("negative")];
  const mode = modeOf(positives, negatives, alpha);
  if (preview === null) return null;
  const open = preview[mode].filter((object) => state.labels[object]?.value == null).slice(0, 6);
  return (
    <div className="preview">
      <p className="hint" role="status">
        With {positives} positive and {negatives} negative in this round so far, the next shows{" "}
        <b className={`tone-${mode}`}>{mode === "highest" ? "the highest scores" : "lower scores"}</b>, such as these:
      </p>
      <div className="strip" aria-hidden="true">
        {open.map((object) => (
          <Picture key={object} url={pictureUrl(state.survey, object, 64)} size={40} />
        ))}
      </div>
    </div>
  );
}
