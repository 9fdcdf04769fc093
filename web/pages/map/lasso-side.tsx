import type { LabelValue } from "../../../src/contract/api.ts";
import { go, pages } from "../../actions/route.ts";
import { Tile } from "../../parts/tile.tsx";
import type { LiveSession } from "../../session/use-session.ts";

interface Props {
  survey: string;
  live: LiveSession | null;
  /** How many objects are in the lasso, and some of them. */
  count: number;
  objects: string[];
  onLabelAll(value: LabelValue): void;
  onOpen(object: string): void;
}

/** The objects in the lasso, and what can be done with all of them. */
export function LassoSide({ survey, live, count, objects, onLabelAll, onOpen }: Props) {
  return (
    <aside className="side" aria-label="Objects in the lasso">
      {count === 0 ? (
        <p className="hint">Choose “Lasso”, or hold Shift, and draw around objects; click one to look at it.</p>
      ) : (
        <>
          <p>
            <b>{count.toLocaleString("en-US")}</b> objects in the lasso
            {count > objects.length && objects.length > 0 ? `; ${objects.length} of them shown` : ""}
          </p>
          {live === null ? (
            <button type="button" className="main" onClick={() => go(pages.start(survey, objects))}>
              Choose examples among these
            </button>
          ) : (
            <div className="choices">
              {(["positive", "negative", "unsure", "clear"] as const).map((value) => (
                <button key={value} type="button" className={value} onClick={() => onLabelAll(value)}>
                  {value === "clear" ? "Clear all" : `All ${value}`}
                </button>
              ))}
            </div>
          )}
          <div className="grid small">
            {objects.map((object) => (
              <Tile
                key={object}
                survey={survey}
                object={object}
                size={64}
                label={live?.labelOf(object) ?? null}
                onClick={onOpen}
              />
            ))}
          </div>
        </>
      )}
    </aside>
  );
}
