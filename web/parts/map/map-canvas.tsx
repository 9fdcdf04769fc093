import { useEffect, useRef, useState } from "react";
import { type Canvas, density, useSize } from "../../actions/use-size.ts";
import {
  type CanvasPoint,
  drawPoints,
  type MapColours,
  type MapFrame,
  nearestPoint,
  pointsWithin,
  type Size,
  unitOf,
  wholeFrame,
} from "./points.ts";
import "./map.css";

interface Props {
  points: Float32Array;
  colours: MapColours;
  /** The polygon drawn, as rows inside it. */
  onLasso(rows: number[]): void;
  onPick(row: number): void;
  /** The point under a pointer that rests, with its place on the canvas; null: none. */
  onHover(hover: { row: number; place: CanvasPoint } | null): void;
  children?: React.ReactNode;
}

type Mode = "move" | "lasso";
const HOVER_MS = 80;

/**
 * A scatter of up to some hundred thousand points, drawn pixel by pixel: wheel zooms, drag moves, Shift+drag draws a
 * lasso, a click opens the nearest.
 */
export function MapCanvas({ points, colours, onLasso, onPick, onHover, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState<MapFrame>(() => wholeFrame(points));
  const [lasso, setLasso] = useState<CanvasPoint[]>([]);
  const [mode, setMode] = useState<Mode>("move");
  const size = useSize(canvas);
  useEffect(() => setFrame(wholeFrame(points)), [points]);
  useDrawing(canvas, { points, colours, frame, size, lasso });
  const pointer = usePointer({ size, frame, mode, setFrame, setLasso, points, lasso, onLasso, onPick, onHover });
  const whole = () => {
    setFrame(wholeFrame(points));
    setLasso([]);
  };
  return (
    <div className="map">
      <MapTools
        mode={mode}
        onMode={setMode}
        onWhole={whole}
        onZoom={(factor) => setFrame((before) => ({ ...before, scale: before.scale * factor }))}
      />
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Map of ${points.length / 2} objects by their features; near objects look alike`}
        className={mode}
        {...pointer}
      />
      {children}
    </div>
  );
}

interface ToolsProps {
  mode: Mode;
  onMode(mode: Mode): void;
  onZoom(factor: number): void;
  onWhole(): void;
}

function MapTools({ mode, onMode, onZoom, onWhole }: ToolsProps) {
  return (
    <div className="map-tools" role="toolbar" aria-label="Map">
      {(["move", "lasso"] as const).map((one) => (
        <button key={one} type="button" aria-pressed={mode === one} onClick={() => onMode(one)}>
          {one === "move" ? "Move" : "Lasso"}
        </button>
      ))}
      <button type="button" aria-label="Zoom in" onClick={() => onZoom(1.5)}>
        +
      </button>
      <button type="button" aria-label="Zoom out" onClick={() => onZoom(1 / 1.5)}>
        −
      </button>
      <button type="button" onClick={onWhole}>
        All
      </button>
    </div>
  );
}

/** The ground of the canvas as 0xRRGGBB, kept up with the theme. */
function useGround(canvas: Canvas): number {
  const [ground, setGround] = useState(0);
  useEffect(() => {
    const look = () => {
      if (canvas.current === null) return;
      const [r, g, b] = getComputedStyle(canvas.current).backgroundColor.match(/\d+/g)?.map(Number) ?? [0, 0, 0];
      setGround((r << 16) | (g << 8) | b);
    };
    look();
    const system = matchMedia("(prefers-color-scheme: light)");
    addEventListener("skyloop-theme", look);
    system.addEventListener("change", look);
    return () => {
      removeEventListener("skyloop-theme", look);
      system.removeEventListener("change", look);
    };
  }, [canvas]);
  return ground;
}

interface Drawn extends Pick<Props, "points" | "colours"> {
  frame: MapFrame;
  size: Size;
  lasso: CanvasPoint[];
}

function useDrawing(canvas: Canvas, { points, colours, frame, size, lasso }: Drawn): void {
  const drawn = useRef<ImageData | null>(null);
  const ground = useGround(canvas);
  useEffect(() => {
    const target = canvas.current;
    if (target === null) return;
    const context = target.getContext("2d") as CanvasRenderingContext2D;
    const dense = density();
    const [width, height] = [Math.round(size.width * dense), Math.round(size.height * dense)];
    if (target.width !== width || target.height !== height) Object.assign(target, { width, height });
    if (drawn.current?.width !== width || drawn.current.height !== height)
      drawn.current = context.createImageData(width, height);
    drawPoints(drawn.current, points, colours, frame, dense, ground);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.putImageData(drawn.current, 0, 0);
    context.setTransform(dense, 0, 0, dense, 0, 0);
    if (lasso.length > 1) drawLasso(context, lasso);
  }, [canvas, points, colours, frame, size, lasso, ground]);
}

function drawLasso(context: CanvasRenderingContext2D, lasso: CanvasPoint[]): void {
  context.strokeStyle = "#ffd479";
  context.lineWidth = 2;
  context.setLineDash([6, 4]);
  context.beginPath();
  for (const [x, y] of lasso) context.lineTo(x, y);
  context.closePath();
  context.stroke();
}

interface Pointed extends Omit<Props, "colours" | "children"> {
  size: Size;
  frame: MapFrame;
  mode: Mode;
  lasso: CanvasPoint[];
  setFrame(change: (before: MapFrame) => MapFrame): void;
  setLasso(change: (before: CanvasPoint[]) => CanvasPoint[]): void;
}

const placeOf = (event: React.MouseEvent): CanvasPoint => {
  const box = event.currentTarget.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

/** What wheel, drag and click do. Spread what is returned over the canvas. */
function usePointer({ size, frame, mode, lasso, setFrame, setLasso, points, onLasso, onPick, onHover }: Pointed) {
  const drag = useRef<{ x: number; y: number; moved: boolean; drawing: boolean } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const unit = unitOf(size, frame);
  const nearest = (place: CanvasPoint) => nearestPoint(points, size, frame, place);
  const hover = (place: CanvasPoint | null) => {
    clearTimeout(timer.current);
    if (place === null) return onHover(null);
    timer.current = setTimeout(() => {
      const row = nearest(place);
      onHover(row < 0 ? null : { row, place });
    }, HOVER_MS);
  };
  const dragTo = (now: NonNullable<typeof drag.current>, [x, y]: CanvasPoint) => {
    if (!now.moved && Math.hypot(x - now.x, y - now.y) < 4) return;
    now.moved = true;
    if (now.drawing) return setLasso((before) => [...before, [x, y]]);
    const [dx, dy] = [(x - now.x) / unit, (y - now.y) / unit];
    setFrame((before) => ({ ...before, x: before.x - dx, y: before.y + dy }));
    Object.assign(now, { x, y });
  };
  return {
    onWheel: (event: React.WheelEvent) => {
      const [px, py] = placeOf(event);
      const factor = event.deltaY < 0 ? 1.2 : 1 / 1.2;
      hover(null);
      // The point under the pointer stays where it is.
      const [dx, dy] = [(px - size.width / 2) / unit, (size.height / 2 - py) / unit];
      setFrame(({ scale, x, y }) => ({
        scale: scale * factor,
        x: x + dx * (1 - 1 / factor),
        y: y + dy * (1 - 1 / factor),
      }));
    },
    onPointerDown: (event: React.PointerEvent) => {
      const [x, y] = placeOf(event);
      const drawing = mode === "lasso" || event.shiftKey;
      event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { x, y, moved: false, drawing };
      hover(null);
      setLasso(() => (drawing ? [[x, y]] : []));
    },
    onPointerMove: (event: React.PointerEvent) => {
      const now = drag.current;
      if (now !== null) dragTo(now, placeOf(event));
      else if (event.pointerType !== "touch") hover(placeOf(event));
    },
    onPointerLeave: () => hover(null),
    onPointerUp: (event: React.PointerEvent) => {
      const now = drag.current;
      drag.current = null;
      if (now === null) return;
      if (!now.moved && !now.drawing) {
        const row = nearest(placeOf(event));
        if (row >= 0) onPick(row);
      } else if (now.drawing && lasso.length >= 3) onLasso(pointsWithin(points, size, frame, lasso));
    },
  };
}
