import { useEffect, useRef, useState } from "react";
import type { Why } from "../../src/contract/insight.ts";
import { fetchPixels, type Pixels } from "../client/api.ts";
import { HeatCanvas } from "./heat-canvas.tsx";
import { type Curve, drawPixels, limitsOf, panelsOf, type View } from "./stretch.ts";

const CURVE_NAMES: [Curve, string][] = [
  ["legacy", "as rendered"],
  ["asinh", "asinh"],
  ["log", "log"],
  ["sqrt", "sqrt"],
  ["linear", "linear"],
];

interface Props {
  survey: string;
  object: string;
  /** Centre of the stamp, and its scale: north is taken to be up and east left. */
  position: { ra: number; dec: number } | null;
  pixelScaleArcsec: number | null;
  /** Regions that speak for and against the object, drawn over the picture. */
  heat: Why["heat"];
}

/** How the stamp lies in its frame: magnified `scale` times around the point (x, y), in shares of the frame. */
interface Zoom {
  scale: number;
  x: number;
  y: number;
}
const WHOLE: Zoom = { scale: 1, x: 0.5, y: 0.5 };
const inside = (share: number) => Math.min(1, Math.max(0, share));

/** Magnified further, with what lies under the point (x, y) staying there. */
function scaled({ scale, x, y }: Zoom, factor: number, px: number, py: number): Zoom {
  const next = Math.min(16, Math.max(1, scale * factor));
  if (next === 1) return WHOLE;
  const origin = (old: number, point: number) =>
    inside((old * (1 - 1 / scale) + point * (1 / scale - 1 / next)) / (1 - 1 / next));
  return { scale: next, x: origin(x, px), y: origin(y, py) };
}

/** Moved by shares of the frame: the picture follows the pointer. */
function moved({ scale, x, y }: Zoom, dx: number, dy: number): Zoom {
  return scale === 1 ? WHOLE : { scale, x: inside(x - dx / (scale - 1)), y: inside(y - dy / (scale - 1)) };
}

/** A length of 1, 2 or 5 times a power of ten that is about a quarter of the width. */
function niceLength(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width / 4));
  return [5, 2, 1].map((step) => step * power).find((length) => length <= width / 3) ?? power;
}

/** A stamp's float pixels with band, stretch, limits, zoom, scale bar, and value and position under the pointer. */
export function PixelCanvas({ survey, object, position, pixelScaleArcsec, heat }: Props) {
  const [pixels, setPixels] = useState<Pixels | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [view, setView] = useState<View>({
    curve: "legacy",
    band: "colour",
    limits: "percentiles",
    low: 20,
    high: 99.7,
    from: 0,
    to: 1,
    invert: false,
  });
  const [zoom, setZoom] = useState<Zoom>(WHOLE);
  const [under, setUnder] = useState("");
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<{ x: number; y: number } | null>(null);

  useEffect(() => {
    setPixels(null);
    setFailure(null);
    setZoom(WHOLE);
    let gone = false;
    fetchPixels(survey, object).then(
      (found) => !gone && setPixels(found),
      (error: Error) => !gone && setFailure(error.message),
    );
    return () => {
      gone = true;
    };
  }, [survey, object]);

  useEffect(() => {
    const target = canvas.current;
    if (pixels === null || target === null) return;
    target.width = pixels.widthPx * panelsOf(pixels, view);
    target.height = pixels.heightPx;
    const context = target.getContext("2d") as CanvasRenderingContext2D;
    const image = context.createImageData(target.width, pixels.heightPx);
    drawPixels(pixels, view, image);
    context.putImageData(image, 0, 0);
  }, [pixels, view]);

  const point = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    if (drag.current !== null && zoom.scale > 1) {
      const [dx, dy] = [(event.clientX - drag.current.x) / box.width, (event.clientY - drag.current.y) / box.height];
      drag.current = { x: event.clientX, y: event.clientY };
      setZoom((before) => moved(before, dx, dy));
    }
    if (pixels === null) return;
    // The frame shows the part of the picture that the zoom leaves.
    const share = (at: number, from: number, length: number, origin: number) =>
      origin + ((at - from) / length - origin) / zoom.scale;
    const across = share(event.clientX, box.left, box.width, zoom.x) * panelsOf(pixels, view);
    const x = Math.floor((across % 1) * pixels.widthPx);
    const fromTop = Math.floor(share(event.clientY, box.top, box.height, zoom.y) * pixels.heightPx);
    const y = pixels.kind === "flux" ? pixels.heightPx - 1 - fromTop : fromTop;
    if (x < 0 || y < 0 || x >= pixels.widthPx || y >= pixels.heightPx) return setUnder("");
    const values = pixels.bands.map(
      (band, b) => `${band} ${pixels.data[(b * pixels.heightPx + y) * pixels.widthPx + x].toPrecision(4)}`,
    );
    setUnder(
      `x ${x}, y ${y}: ${values.join("  ")}${pixels.kind === "flux" ? ` ${pixels.unit}` : ""}${skyAt(x, fromTop)}`,
    );
  };
  const skyAt = (x: number, fromTop: number): string => {
    if (position === null || pixelScaleArcsec === null || pixels === null) return "";
    const east = ((pixels.widthPx / 2 - x - 0.5) * pixelScaleArcsec) / 3600;
    const north = ((pixels.heightPx / 2 - fromTop - 0.5) * pixelScaleArcsec) / 3600;
    const ra = (position.ra + east / Math.cos((position.dec * Math.PI) / 180) + 360) % 360;
    return `  RA ${ra.toFixed(5)}° Dec ${(position.dec + north).toFixed(5)}°`;
  };
  const panels = pixels === null ? 1 : panelsOf(pixels, view);
  const shownArcsec =
    pixels === null || pixelScaleArcsec === null ? null : (pixels.widthPx * panels * pixelScaleArcsec) / zoom.scale;
  const bar = shownArcsec === null ? null : niceLength(shownArcsec);
  const change = <K extends keyof View>(key: K, value: View[K]) => setView((before) => ({ ...before, [key]: value }));
  const limited = view.curve !== "legacy" || (view.band !== "colour" && pixels?.kind === "flux");
  return (
    <div className="pixels">
      <div
        className="frame"
        style={{ aspectRatio: panels }}
        onPointerMove={point}
        onPointerLeave={() => setUnder("")}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerUp={() => {
          drag.current = null;
        }}
        onWheel={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
          setZoom((before) => scaled(before, event.deltaY < 0 ? 1.25 : 0.8, x, y));
        }}
      >
        <div
          className="zoomed"
          style={{ transform: `scale(${zoom.scale})`, transformOrigin: `${zoom.x * 100}% ${zoom.y * 100}%` }}
        >
          <canvas ref={canvas} role="img" aria-label={`Pixels of ${object}`} />
          {heat !== null && pixels !== null && panels === 1 && <HeatCanvas heat={heat} pixels={pixels} />}
        </div>
        {bar !== null && shownArcsec !== null && (
          <span className="scale" style={{ width: `${(100 * bar) / shownArcsec}%` }}>
            {bar}″
          </span>
        )}
      </div>
      <output className="under">
        {failure ?? (under === "" ? "Point at a pixel to read it; the wheel zooms." : under)}
      </output>
      <div className="knobs">
        <label>
          Band
          <select value={view.band} onChange={(event) => change("band", event.target.value)}>
            <option value="colour">colour</option>
            <option value="side by side">side by side</option>
            {pixels?.bands.map((band) => (
              <option key={band} value={band}>
                {band}
              </option>
            ))}
          </select>
        </label>
        <label>
          Stretch
          <select value={view.curve} onChange={(event) => change("curve", event.target.value as Curve)}>
            {CURVE_NAMES.map(([curve, name]) => (
              <option key={curve} value={curve}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Limits
          <select
            value={view.limits}
            disabled={!limited}
            onChange={(event) => {
              const limits = event.target.value as View["limits"];
              // Values start where the limits are now.
              const [from, to] = limits === "values" && pixels !== null ? limitsOf(pixels, view) : [view.from, view.to];
              setView((before) => ({ ...before, limits, from, to }));
            }}
          >
            <option value="percentiles">percentiles</option>
            <option value="zscale">zscale</option>
            <option value="values">values</option>
          </select>
        </label>
        {view.limits === "values" && (
          <>
            <label>
              Black at
              <input
                type="number"
                step="any"
                value={view.from}
                disabled={!limited}
                onChange={(event) => change("from", Number(event.target.value))}
              />
            </label>
            <label>
              White at
              <input
                type="number"
                step="any"
                value={view.to}
                disabled={!limited}
                onChange={(event) => change("to", Number(event.target.value))}
              />
            </label>
          </>
        )}
        <label hidden={view.limits === "values"}>
          Black at {view.low} %
          <input
            type="range"
            min="0"
            max="90"
            step="1"
            value={view.low}
            disabled={!limited || view.limits === "zscale"}
            onChange={(event) => change("low", Number(event.target.value))}
          />
        </label>
        <label hidden={view.limits === "values"}>
          White at {view.high} %
          <input
            type="range"
            min="91"
            max="100"
            step="0.1"
            value={view.high}
            disabled={!limited || view.limits === "zscale"}
            onChange={(event) => change("high", Number(event.target.value))}
          />
        </label>
        <label className="check">
          <input type="checkbox" checked={view.invert} onChange={(event) => change("invert", event.target.checked)} />{" "}
          Invert
        </label>
        <span className="zooms">
          <button type="button" aria-label="Zoom in" onClick={() => setZoom((before) => scaled(before, 1.5, 0.5, 0.5))}>
            +
          </button>
          <button
            type="button"
            aria-label="Zoom out"
            onClick={() => setZoom((before) => scaled(before, 1 / 1.5, 0.5, 0.5))}
          >
            −
          </button>
          <button type="button" disabled={zoom.scale === 1} onClick={() => setZoom(WHOLE)}>
            Whole stamp
          </button>
        </span>
      </div>
    </div>
  );
}
