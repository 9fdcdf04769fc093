import { memo } from "react";
import type { LabelValue } from "../../src/contract/api.ts";
import { pictureUrl } from "../api.ts";

const MARK: Record<LabelValue, string> = { positive: "✓", negative: "✗", unsure: "?", clear: "" };
const WORD: Record<LabelValue, string> = { positive: "positive", negative: "negative", unsure: "unsure", clear: "no label" };

interface Props {
  survey: string;
  object: string;
  size: number;
  label: LabelValue | null;
  pending?: boolean;
  focused?: boolean;
  caption?: string;
  badge?: string;
  tags?: string[];
  onClick(object: string, event: React.MouseEvent): void;
  onOpen?(object: string): void;
}

/** A picture that nobody waits for any more is not loaded: it would hold up those that are looked at. */
const givenUp = (img: HTMLImageElement) => () =>
  queueMicrotask(() => {
    if (!img.isConnected && !img.complete) img.removeAttribute("src");
  });

/** One stamp with its label; a click is the parent's to understand. */
export const Tile = memo(function Tile({ survey, object, size, label, pending, focused, caption, badge, tags, onClick, onOpen }: Props) {
  const classes = ["tile", label ?? "", pending ? "pending" : "", focused ? "focused" : ""].filter(Boolean).join(" ");
  const words = [badge, tags?.join(", ")].filter(Boolean).join(" ");
  return (
    <div className={classes} data-object={object}>
      <button
        type="button"
        className="face"
        aria-label={`${object}, ${WORD[label ?? "clear"]}${words === "" ? "" : `, ${words}`}${pending ? ", not saved yet" : ""}`}
        aria-pressed={label !== null}
        tabIndex={focused === false ? -1 : 0}
        onClick={(event) => onClick(object, event)}
      >
        <img
          ref={givenUp}
          src={pictureUrl(survey, object, size * Math.min(2, devicePixelRatio || 1))}
          width={size}
          height={size}
          alt=""
          loading="lazy"
          draggable={false}
        />
        {label !== null && (
          <span className="mark" aria-hidden="true">
            {MARK[label]}
          </span>
        )}
        {badge !== undefined && <span className="badge">{badge}</span>}{" "}
        {tags !== undefined && tags.length > 0 && <span className="badge tag">{tags.join(", ")}</span>}
      </button>
      <div className="caption">
        <span title={object}>{caption ?? object}</span>
        {onOpen !== undefined && (
          <button type="button" className="open" aria-label={`Look at ${object} closely`} onClick={() => onOpen(object)}>
            ⤢
          </button>
        )}
      </div>
    </div>
  );
});
