import { memo } from "react";
import type { Candidate } from "../../../src/contract/fields.ts";
import { pathOf, toShown, turnedBox } from "./turn.ts";
import "./outline.css";

/** The outline and the box of a detection over its stamp, which fills the same square. */
export const Outline = memo(function Outline({ candidate, magnify = 1 }: { candidate: Candidate; magnify?: number }) {
  const { stamp, turn, box, outline } = candidate;
  const field = { widthPx: stamp.sizePx, heightPx: stamp.sizePx, turn };
  const inStamp = (line: readonly number[]) => line.map((at, i) => at - (i % 2 === 0 ? stamp.x : stamp.y));
  const [x1, y1, x2, y2] = turnedBox(toShown, field, inStamp(box));
  return (
    <svg
      className="outline"
      viewBox={`0 0 ${stamp.sizePx} ${stamp.sizePx}`}
      aria-hidden="true"
      style={magnify === 1 ? undefined : { transform: `scale(${magnify})` }}
    >
      <rect className="box" x={x1} y={y1} width={x2 - x1} height={y2 - y1} />
      <path d={pathOf(field, outline.map(inStamp))} />
    </svg>
  );
});
