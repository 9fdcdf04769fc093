import { memo } from "react";
import type { LabelValue } from "../../src/contract/api.ts";
import type { Candidate } from "../../src/contract/fields.ts";
import { pictureUrl } from "../client/api.ts";
import { Outline } from "./field/outline.tsx";
import { Picture } from "./picture.tsx";
import "./tile.css";

const MARK: Record<LabelValue, string> = { positive: "✓", negative: "✗", unsure: "?", clear: "" };
const WORD: Record<LabelValue, string> = {
  positive: "positive",
  negative: "negative",
  unsure: "unsure",
  clear: "no label",
};

interface Props {
  survey: string;
  object: string;
  size: number;
  /** How many times the middle is magnified. */
  magnify?: number;
  label: LabelValue | null;
  pending?: boolean;
  focused?: boolean;
  caption?: string;
  badge?: string;
  tags?: string[];
  /** A detection whose outline is drawn over the picture. */
  candidate?: Candidate;
  onClick(object: string, event: React.MouseEvent): void;
  onOpen?(object: string): void;
}

/** One stamp with its label; a click is the parent's to understand. */
export const Tile = memo(function Tile({
  survey,
  object,
  size,
  magnify = 1,
  label,
  pending,
  focused,
  caption,
  badge,
  tags,
  candidate,
  onClick,
  onOpen,
}: Props) {
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
        <Picture
          url={pictureUrl(survey, object, size * magnify * Math.min(2, devicePixelRatio || 1))}
          size={size}
          style={magnify === 1 ? undefined : { transform: `scale(${magnify})` }}
        />
        {candidate !== undefined && <Outline candidate={candidate} magnify={magnify} />}
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
          <button
            type="button"
            className="open"
            aria-label={`Look at ${object} closely`}
            onClick={() => onOpen(object)}
          >
            ⤢
          </button>
        )}
      </div>
    </div>
  );
});
