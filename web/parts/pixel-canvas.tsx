import { useEffect, useRef, useState } from "react";
import { fetchPixels, type Pixels } from "../api.ts";
import { type Curve, drawPixels, type View } from "./stretch.ts";

const CURVE_NAMES: [Curve, string][] = [
  ["legacy", "as rendered"],
  ["asinh", "asinh"],
  ["log", "log"],
  ["sqrt", "sqrt"],
  ["linear", "linear"],
];

/** A stamp's float pixels with band, stretch, limits, zoom, and the value under the pointer. */
export function PixelCanvas({ survey, object }: { survey: string; object: string }) {
  const [pixels, setPixels] = useState<Pixels | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [view, setView] = useState<View>({ curve: "legacy", band: "colour", low: 20, high: 99.7, invert: false });
  const [zoom, setZoom] = useState({ scale: 1, x: 0.5, y: 0.5 });
  const [under, setUnder] = useState("");
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<{ x: number; y: number } | null>(null);

  useEffect(() => {
    setPixels(null);
    setZoom({ scale: 1, x: 0.5, y: 0.5 });
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
    target.width = pixels.widthPx;
    target.height = pixels.heightPx;
    const context = target.getContext("2d") as CanvasRenderingContext2D;
    const image = context.createImageData(pixels.widthPx, pixels.heightPx);
    drawPixels(pixels, view, image);
    context.putImageData(image, 0, 0);
  }, [pixels, view]);

  const point = (event: React.PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    if (drag.current !== null && zoom.scale > 1) {
      const [dx, dy] = [(event.clientX - drag.current.x) / box.width, (event.clientY - drag.current.y) / box.height];
      drag.current = { x: event.clientX, y: event.clientY };
      const clamp = (value: number) => Math.min(1, Math.max(0, value));
      setZoom((before) => ({ ...before, x: clamp(before.x - dx), y: clamp(before.y - dy) }));
    }
    if (pixels === null) return;
    const x = Math.floor(((event.clientX - box.left) / box.width) * pixels.widthPx);
    const fromTop = Math.floor(((event.clientY - box.top) / box.height) * pixels.heightPx);
    const y = pixels.kind === "flux" ? pixels.heightPx - 1 - fromTop : fromTop;
    if (x < 0 || y < 0 || x >= pixels.widthPx || y >= pixels.heightPx) return setUnder("");
    const values = pixels.bands.map((band, b) => `${band} ${pixels.data[(b * pixels.heightPx + y) * pixels.widthPx + x].toPrecision(4)}`);
    setUnder(`x ${x}, y ${y}: ${values.join("  ")}${pixels.kind === "flux" ? ` ${pixels.unit}` : ""}`);
  };
  const change = <K extends keyof View>(key: K, value: View[K]) => setView((before) => ({ ...before, [key]: value }));
  const limited = view.curve !== "legacy" || (view.band !== "colour" && pixels?.kind === "flux");
  return (
    <div className="pixels">
      <div
        className="frame"
        onPointerMove={point}
        onPointerLeave={() => setUnder("")}
        onPointerDown={(event) => {
          drag.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerUp={() => {
          drag.current = null;
        }}
        onWheel={(event) => setZoom((before) => ({ ...before, scale: Math.min(16, Math.max(1, before.scale * (event.deltaY < 0 ? 1.25 : 0.8))) }))}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Pixels of ${object}`}
          style={{ transform: `scale(${zoom.scale})`, transformOrigin: `${zoom.x * 100}% ${zoom.y * 100}%` }}
        />
      </div>
      <output className="under">{failure ?? (under === "" ? "Point at a pixel to read it; the wheel zooms." : under)}</output>
      <div className="knobs">
        <label>
          Band
          <select value={view.band} onChange={(event) => change("band", event.target.value)}>
            <option value="colour">colour</option>
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
          Black at {view.low} %
          <input type="range" min="0" max="90" step="1" value={view.low} disabled={!limited} onChange={(event) => change("low", Number(event.target.value))} />
        </label>
        <label>
          White at {view.high} %
          <input
            type="range"
            min="91"
            max="100"
            step="0.1"
            value={view.high}
            disabled={!limited}
            onChange={(event) => change("high", Number(event.target.value))}
          />
        </label>
        <label className="check">
          <input type="checkbox" checked={view.invert} onChange={(event) => change("invert", event.target.checked)} /> Invert
        </label>
        <button type="button" className="quiet" onClick={() => setZoom({ scale: 1, x: 0.5, y: 0.5 })}>
          Whole stamp
        </button>
      </div>
    </div>
  );
}
