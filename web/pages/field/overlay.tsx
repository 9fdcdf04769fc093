import type { FieldView } from "../../../src/contract/fields.ts";
import { toFile, toShown } from "../../parts/field/turn.ts";
import { niceLength } from "../../parts/pixels/zoom.ts";
import { compassAt } from "./sky.ts";
import { type FieldViewport, type Sides, toPicture } from "./view.ts";

interface Props {
  field: FieldView;
  view: FieldViewport;
  frame: Sides;
  onZoom(factor: number): void;
  onWhole(): void;
}

/** Over the image: zoom, a scale, and where north and east are. */
export function FieldOverlay({ field, view, frame, onZoom, onWhole }: Props) {
  return (
    <>
      <div className="field-tools" role="toolbar" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => onZoom(1.5)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick={() => onZoom(1 / 1.5)}>
          −
        </button>
        <button type="button" onClick={onWhole}>
          Whole image
        </button>
      </div>
      <ScaleBar field={field} view={view} frame={frame} />
      <Compass field={field} view={view} frame={frame} />
    </>
  );
}

type InSight = Pick<Props, "field" | "view" | "frame">;

const lengthText = (arcsec: number): string =>
  arcsec >= 3600 ? `${arcsec / 3600}°` : arcsec >= 60 ? `${+(arcsec / 60).toFixed(2)}′` : `${arcsec}″`;

/** A round number of arcseconds, or of pixels where the image does not say how large they are. */
function ScaleBar({ field: { pixelScaleArcsec }, view, frame }: InSight) {
  const perPixel = pixelScaleArcsec ?? 1;
  const length = niceLength((frame[0] / view.scale) * perPixel * 0.6);
  return (
    <span className="scale" style={{ width: `${(length / perPixel) * view.scale}px` }}>
      {pixelScaleArcsec === null ? `${length} px` : lengthText(length)}
    </span>
  );
}

/** Arrows to north and east in the middle of what is shown. */
function Compass({ field, view, frame }: InSight) {
  if (field.sky === null) return null;
  const middle = toPicture(view, [frame[0] / 2, frame[1] / 2], frame);
  const [u, v] = toFile(field, ...middle);
  const { north, east } = compassAt(field.sky, [field.widthPx, field.heightPx], u / field.widthPx, v / field.heightPx);
  const onScreen = ([x, y]: [number, number]) => {
    const [from, to] = [toShown(field, 0, 0), toShown(field, x, y)];
    return [to[0] - from[0], to[1] - from[1]];
  };
  return (
    <svg className="compass" viewBox="-50 -50 100 100" role="img" aria-label="Directions of north and east">
      {([north, east] as const).map((direction, i) => {
        const [x, y] = onScreen(direction);
        return (
          <g key={i === 0 ? "N" : "E"}>
            <line x1="0" y1="0" x2={x * 28} y2={y * 28} />
            <text x={x * 40} y={y * 40}>
              {i === 0 ? "N" : "E"}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
