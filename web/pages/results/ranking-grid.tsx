import type { RankedRow } from "../../../src/contract/api.ts";
import { Tile } from "../../parts/tile.tsx";
import type { LiveSession } from "../../session/use-session.ts";
import type { useLines } from "./use-lines.ts";

interface Props {
  session: LiveSession;
  rows: ReturnType<typeof useLines>;
  /** What trained heads say of an object, in a few words. */
  predicted(object: string): string | undefined;
  onOpen(object: string): void;
}

const caption = ({ rank, score, otherScore }: RankedRow) =>
  `${rank}. ${score.toFixed(3)}${otherScore == null ? "" : ` | ${otherScore.toFixed(3)}`}`;

/** The ranking to scroll through: only the lines in view are there. */
export function RankingGrid({ session, rows, predicted, onOpen }: Props) {
  const { scroller, size, lines, heightPx } = rows;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="scroller" ref={scroller} tabIndex={0} aria-label="Objects, best first">
      <div className="canvas" style={{ height: heightPx, "--tile": `${size}px` } as React.CSSProperties}>
        {lines.map(({ index, start, rows: line }) => (
          <div key={index} className="line" style={{ transform: `translateY(${start}px)` }}>
            {line.map((row, column) =>
              row === undefined ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: a place without a row yet is its place
                <div key={`empty ${column}`} className="tile empty" />
              ) : (
                <Tile
                  key={row.object}
                  survey={session.state.survey}
                  object={row.object}
                  size={size}
                  label={session.labelOf(row.object)}
                  pending={session.isPending(row.object)}
                  caption={caption(row)}
                  badge={row.otherLabel == null ? predicted(row.object) : `other: ${row.otherLabel}`}
                  tags={session.tagsOf(row.object)}
                  onClick={onOpen}
                />
              ),
            )}
          </div>
        ))}
      </div>
    </section>
  );
}
