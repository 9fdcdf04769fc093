import { useAsked } from "../../actions/use-asked.ts";
import { api, pictureUrl } from "../../client/api.ts";
import type { CanvasPoint } from "../../parts/map/points.ts";

/** The object under the pointer, beside it. */
export function HoverPicture({ survey, row, place: [x, y] }: { survey: string; row: number; place: CanvasPoint }) {
  const { answer: object } = useAsked(
    () => api.byRows(survey, [row]).then(({ objects }) => objects[0]?.object ?? null),
    [survey, row],
  );
  if (object === null) return null;
  return (
    <figure className="hover-picture" style={{ left: x + 16, top: y + 16 }} aria-hidden="true">
      <img src={pictureUrl(survey, object, 128)} alt="" width="128" height="128" />
      <figcaption>{object}</figcaption>
    </figure>
  );
}
