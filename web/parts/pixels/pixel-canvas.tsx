import { useEffect, useRef, useState } from "react";
import type { Candidate } from "../../../src/contract/fields.ts";
import type { Why } from "../../../src/contract/insight.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { fetchPixels, type Pixels } from "../../client/api.ts";
import { Outline } from "../field/outline.tsx";
import { useOutlines } from "../field/use-outlines.ts";
import { HeatCanvas } from "./heat-canvas.tsx";
import { Knobs } from "./knobs.tsx";
import { readPixel, type SkyFrame } from "./read-pixel.ts";
import { drawPixels, panelsOf, type View } from "./stretch.ts";
import { moved, NO_ZOOM, niceLength, pictureShare, scaled, type Zoom } from "./zoom.ts";
import "./pixels.css";

interface Props extends SkyFrame {
  survey: string;
  object: string;
  /** Regions that raise and lower the score, drawn over the picture. */
  heat: Why["heat"];
  /** The detection that it is, if it is one. */
  candidate: Candidate | null;
}

const AS_RENDERED: View = {
  curve: "legacy",
  band: "colour",
  limits: "percentiles",
  low: 20,
  high: 99.7,
  from: 0,
  to: 1,
  invert: false,
};

/** A stamp's float pixels with band, stretch, limits, zoom, scale bar, and value and position under the pointer. */
export function PixelCanvas({ survey, object, heat, candidate, ...sky }: Props) {
  const { answer: pixels, failure } = useAsked(() => fetchPixels(survey, object), [survey, object]);
  const [view, setView] = useState<View>(AS_RENDERED);
  const [zoom, setZoom] = useState<Zoom>(NO_ZOOM);
  const [under, setUnder] = useState("");
  const [regions, setRegions] = useState(true);
  const { shown: outlines, toggle } = useOutlines(survey, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another object is seen whole
  useEffect(() => setZoom(NO_ZOOM), [object]);
  const panels = pixels === null ? 1 : panelsOf(pixels, view);
  const read = (x: number, y: number) => {
    if (pixels === null) return;
    // The frame shows the part of the picture that the zoom leaves.
    const across = pictureShare(x, zoom.x, zoom.scale) * panels;
    setUnder(readPixel(pixels, sky, across % 1, pictureShare(y, zoom.y, zoom.scale)));
  };
  return (
    <div className="pixels">
      <Frame
        zoom={zoom}
        panels={panels}
        over={
          pixels !== null &&
          sky.pixelScaleArcsec !== null && (
            <ScaleBar arcsec={(pixels.widthPx * panels * sky.pixelScaleArcsec) / zoom.scale} />
          )
        }
        onZoom={setZoom}
        onPoint={read}
        onLeave={() => setUnder("")}
      >
        <Picture object={object} pixels={pixels} view={view} />
        {heat !== null && regions && pixels !== null && panels === 1 && <HeatCanvas heat={heat} pixels={pixels} />}
        {candidate !== null && outlines && panels === 1 && <Outline candidate={candidate} />}
      </Frame>
      <output className="under">
        {failure ?? (under === "" ? "Point at a pixel to read it; the wheel zooms." : under)}
      </output>
      <div className="knobs">
        <Knobs pixels={pixels} view={view} onView={setView} />
        {heat !== null && (
          <label className="check">
            <input type="checkbox" checked={regions} onChange={(event) => setRegions(event.target.checked)} /> Regions
          </label>
        )}
        {candidate !== null && (
          <label className="check">
            <input type="checkbox" checked={outlines} onChange={toggle} /> Outline
          </label>
        )}
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
          <button type="button" disabled={zoom.scale === 1} onClick={() => setZoom(NO_ZOOM)}>
            Whole stamp
          </button>
        </span>
      </div>
    </div>
  );
}

function Picture({ object, pixels, view }: { object: string; pixels: Pixels | null; view: View }) {
  const canvas = useRef<HTMLCanvasElement>(null);
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
  return <canvas ref={canvas} role="img" aria-label={`Pixels of ${object}`} />;
}

interface FrameProps {
  zoom: Zoom;
  panels: number;
  onZoom(change: (before: Zoom) => Zoom): void;
  /** The pointer's place, in shares of the frame. */
  onPoint(x: number, y: number): void;
  onLeave(): void;
  /** What stands over the picture and is not magnified. */
  over: React.ReactNode;
  children: React.ReactNode;
}

/** What a picture is moved and magnified in. */
function Frame({ zoom, panels, over, onZoom, onPoint, onLeave, children }: FrameProps) {
  const drag = useRef<{ x: number; y: number } | null>(null);
  const at = (event: React.PointerEvent | React.WheelEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  return (
    <div
      className="frame"
      style={{ aspectRatio: panels }}
      onPointerMove={(event) => {
        const now = at(event);
        const from = drag.current;
        if (from !== null && zoom.scale > 1) {
          drag.current = now;
          onZoom((before) => moved(before, now.x - from.x, now.y - from.y));
        }
        onPoint(now.x, now.y);
      }}
      onPointerLeave={onLeave}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = at(event);
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
      onWheel={(event) => {
        const { x, y } = at(event);
        onZoom((before) => scaled(before, event.deltaY < 0 ? 1.25 : 0.8, x, y));
      }}
    >
      <div
        className="zoomed"
        style={{ transform: `scale(${zoom.scale})`, transformOrigin: `${zoom.x * 100}% ${zoom.y * 100}%` }}
      >
        {children}
      </div>
      {over}
    </div>
  );
}

/** A bar of a round number of arcseconds, for a frame that is so wide. */
function ScaleBar({ arcsec }: { arcsec: number }) {
  const bar = niceLength(arcsec);
  return (
    <span className="scale" style={{ width: `${(100 * bar) / arcsec}%` }}>
      {bar}″
    </span>
  );
}
