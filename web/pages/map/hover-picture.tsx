import { useAsked } from "../../actions/use-asked.ts";
import { api, pictureUrl } from "../../client/api.ts";
import type { CanvasPoint } from "../../parts/map/points.ts";
import { Picture } from "../../parts/picture.tsx";

/** The object under the pointer, beside it. */
export function HoverPicture({ survey, row, place: [x, y] }: { survey: string; row: number; place: CanvasPoint }) {
  const { answer: object } = useAsked(
    () => api.byRows(survey, [row]).then(({ objects }) => objects[0]?.object ?? null),
    [survey, row],
  );
  if (object === null) return null;
  return (
    <figure className="hover-picture" style={{ left: x + 16, top: y + 16 }} aria-hidden="true">
      <Picture url={pictureUrl(survey, object, 128)} size={128} />
      <figcaption>{object}</figcaption>
    </figure>
  );
}
