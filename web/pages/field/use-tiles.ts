import { useCallback, useEffect, useRef, useState } from "react";
import { tileUrl } from "../../client/api.ts";
import type { LoadedTile } from "./paint.ts";
import { type FieldViewport, levelFor, type Sides, tilesInSight } from "./view.ts";

/** More are forgotten, the oldest first. */
const KEPT = 200;

interface About {
  survey: string;
  field: string;
  tilePx: number;
  levels: number;
}

/**
 * The parts of a field's picture that are in sight and have come, coarse ones first, so that something is seen at once;
 * what is missing is asked for.
 */
export function useTiles({ survey, field, tilePx, levels }: About) {
  const known = useRef(new Map<string, HTMLImageElement>());
  const [arrived, setArrived] = useState(0);
  useEffect(() => {
    const images = known.current;
    return () => {
      for (const image of images.values()) image.removeAttribute("src");
      images.clear();
    };
  }, []);
  const inSight = useCallback(
    (view: FieldViewport, frame: Sides, picture: Sides, density: number): LoadedTile[] => {
      const best = levelFor(view.scale, levels, density);
      const wanted = [...new Set([levels - 1, best])].flatMap((level) =>
        tilesInSight(view, frame, picture, { tilePx, level }),
      );
      const loaded = wanted.flatMap((place) => {
        const url = tileUrl(survey, field, place.level, place.column, place.row);
        let image = known.current.get(url);
        if (image === undefined) {
          image = new Image();
          image.onload = () => setArrived((count) => count + 1);
          image.src = url;
        }
        known.current.delete(url);
        known.current.set(url, image);
        return image.complete && image.naturalWidth > 0 ? [{ ...place, image }] : [];
      });
      for (const oldest of known.current.keys()) {
        if (known.current.size <= Math.max(KEPT, wanted.length)) break;
        known.current.delete(oldest);
      }
      return loaded;
    },
    [survey, field, tilePx, levels],
  );
  return { inSight, arrived };
}
