import { useEffect, useRef, useState } from "react";

/** How the objects of a map are drawn. */
export interface MapColours {
  /** For each object a colour as 0xRRGGBB. */
  of: Uint32Array;
  /** Objects that are drawn last and larger. */
  emphasised?: Uint8Array;
}

interface Props {
  points: Float32Array;
  colours: MapColours;
  /** The polygon drawn, as rows inside it. */
  onLasso(rows: number[]): void;
  onPick(row: number): void;
}

interface Frame {
  scale: number;
  /** Centre in the map's own units. */
  x: number;
  y: number;
}

const mapColour = () => getComputedStyle(document.documentElement).getPropertyValue("--map").trim();
/** Pixels of the screen in one of the page's: more than two cannot be seen. */
const density = () => Math.min(2, devicePixelRatio || 1);

/** Middle and spread of the points, without the outermost of them. */
function whole(points: Float32Array): { x: number; y: number; span: number } {
  const n = points.length / 2;
  const take = Math.max(1, Math.floor(n / 5000));
  const axis = (offset: number) => {
    const values: number[] = [];
    for (let i = 0; i < n; i += take) values.push(points[2 * i + offset]);
    values.sort((a, b) => a - b);
    return [
      values[Math.floor(0.002 * values.length)],
      values[Math.min(values.length - 1, Math.floor(0.998 * values.length))],
    ];
  };
  const [[x0, x1], [y0, y1]] = [axis(0), axis(1)];
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, span: Math.max(x1 - x0, y1 - y0, 1e-6) * 1.1 };
}

/**
 * A scatter of up to some hundred thousand points, drawn pixel by pixel: wheel zooms, drag moves, Shift+drag draws a
 * lasso, a click opens the nearest.
 */
export function MapCanvas({ points, colours, onLasso, onPick }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState<Frame>({ scale: 1, x: 0, y: 0 });
  const [lasso, setLasso] = useState<[number, number][]>([]);
  const [mode, setMode] = useState<"move" | "lasso">("move");
  const drawn = useRef<ImageData | null>(null);
  const drag = useRef<{ x: number; y: number; moved: boolean; drawing: boolean } | null>(null);
  const [size, setSize] = useState({ width: 800, height: 560 });
  const [background, setBackground] = useState(mapColour);
  useEffect(() => {
    const look = () => setBackground(mapColour());
    const system = matchMedia("(prefers-color-scheme: light)");
    addEventListener("skyloop-theme", look);
    system.addEventListener("change", look);
    return () => {
      removeEventListener("skyloop-theme", look);
      system.removeEventListener("change", look);
    };
  }, []);

  useEffect(() => {
    const { x, y, span } = whole(points);
    setFrame({ scale: 1 / span, x, y });
  }, [points]);
  useEffect(() => {
    const target = canvas.current;
    if (target === null) return;
    const observer = new ResizeObserver(([{ contentRect }]) =>
      setSize({
        width: Math.max(200, Math.round(contentRect.width)),
        height: Math.max(200, Math.round(contentRect.height)),
      }),
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, []);

  const unit = Math.min(size.width, size.height) * frame.scale;
  const toX = (x: number) => (x - frame.x) * unit + size.width / 2;
  const toY = (y: number) => size.height / 2 - (y - frame.y) * unit;

  useEffect(() => {
    const target = canvas.current;
    if (target === null) return;
    const context = target.getContext("2d") as CanvasRenderingContext2D;
    const dense = density();
    const [width, height] = [Math.round(size.width * dense), Math.round(size.height * dense)];
    if (target.width !== width || target.height !== height) Object.assign(target, { width, height });
    if (drawn.current?.width !== width || drawn.current.height !== height)
      drawn.current = context.createImageData(width, height);
    drawPoints(drawn.current, points, colours, frame, unit * dense, dense, background);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.putImageData(drawn.current, 0, 0);
    context.setTransform(dense, 0, 0, dense, 0, 0);
    if (lasso.length > 1) {
      context.strokeStyle = "#ffd479";
      context.lineWidth = 2;
      context.setLineDash([6, 4]);
      context.beginPath();
      for (const [i, [x, y]] of lasso.entries()) i === 0 ? context.moveTo(x, y) : context.lineTo(x, y);
      context.closePath();
      context.stroke();
    }
  }, [points, colours, frame, unit, size, lasso, background]);

  const at = (event: { clientX: number; clientY: number }): [number, number] => {
    const box = (canvas.current as HTMLCanvasElement).getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const nearest = ([px, py]: [number, number]) => {
    let [best, least] = [-1, 14 ** 2];
    for (let i = 0; i < points.length / 2; i++) {
      const distance = (toX(points[2 * i]) - px) ** 2 + (toY(points[2 * i + 1]) - py) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  };
  const finish = () => {
    const now = drag.current;
    drag.current = null;
    if (now?.drawing !== true || lasso.length < 3) return;
    const inside: number[] = [];
    for (let i = 0; i < points.length / 2; i++)
      if (within(lasso, toX(points[2 * i]), toY(points[2 * i + 1]))) inside.push(i);
    onLasso(inside);
  };
  const zoom = (factor: number) => setFrame((before) => ({ ...before, scale: before.scale * factor }));
  return (
    <div className="map">
      <div className="map-tools" role="toolbar" aria-label="Map">
        <button type="button" aria-pressed={mode === "move"} onClick={() => setMode("move")}>
          Move
        </button>
        <button type="button" aria-pressed={mode === "lasso"} onClick={() => setMode("lasso")}>
          Lasso
        </button>
        <button type="button" aria-label="Zoom in" onClick={() => zoom(1.5)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => zoom(1 / 1.5)}>
          −
        </button>
        <button
          type="button"
          onClick={() => {
            const { x, y, span } = whole(points);
            setFrame({ scale: 1 / span, x, y });
            setLasso([]);
          }}
        >
          All
        </button>
      </div>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Map of ${points.length / 2} objects by their features; near objects look alike`}
        className={mode}
        onWheel={(event) => {
          const [px, py] = at(event);
          const factor = event.deltaY < 0 ? 1.2 : 1 / 1.2;
          // The point under the pointer stays where it is.
          const [dx, dy] = [(px - size.width / 2) / unit, (size.height / 2 - py) / unit];
          setFrame((before) => ({
            scale: before.scale * factor,
            x: before.x + dx * (1 - 1 / factor),
            y: before.y + dy * (1 - 1 / factor),
          }));
        }}
        onPointerDown={(event) => {
          const [x, y] = at(event);
          const drawing = mode === "lasso" || event.shiftKey;
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x, y, moved: false, drawing };
          setLasso(drawing ? [[x, y]] : []);
        }}
        onPointerMove={(event) => {
          const now = drag.current;
          if (now === null) return;
          const [x, y] = at(event);
          if (!now.moved && Math.hypot(x - now.x, y - now.y) < 4) return;
          now.moved = true;
          if (now.drawing) setLasso((before) => [...before, [x, y]]);
          else {
            const [dx, dy] = [(x - now.x) / unit, (y - now.y) / unit];
            setFrame((before) => ({ ...before, x: before.x - dx, y: before.y + dy }));
            now.x = x;
            now.y = y;
          }
        }}
        onPointerUp={(event) => {
          const now = drag.current;
          if (now !== null && !now.moved && !now.drawing) {
            const row = nearest(at(event));
            if (row >= 0) onPick(row);
          }
          finish();
        }}
      />
    </div>
  );
}

/** Points as small squares, larger where emphasised, into an opaque image; `unit` and `dense` are in its pixels. */
function drawPoints(
  image: ImageData,
  points: Float32Array,
  { of, emphasised }: MapColours,
  frame: Frame,
  unit: number,
  dense: number,
  background: string,
): void {
  const { width, height } = image;
  const pixels = new Uint32Array(image.data.buffer);
  // Canvas pixels are bytes R, G, B, A: as little-endian words 0xAABBGGRR.
  const word = (rgb: number) => 0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >>> 16);
  pixels.fill(word(Number.parseInt(background.slice(1), 16)));
  const rim = 0xff000000 | (word(Number.parseInt(background.slice(1), 16)) ^ 0xffffff);
  const [left, top] = [width / 2 - frame.x * unit, height / 2 + frame.y * unit];
  const square = (i: number, side: number, colour: number) => {
    const x0 = Math.floor(left + points[2 * i] * unit - side / 2 + 0.5);
    const y0 = Math.floor(top - points[2 * i + 1] * unit - side / 2 + 0.5);
    if (x0 < 0 || y0 < 0 || x0 + side > width || y0 + side > height) return;
    // For a few pixels a loop is many times faster than `fill`.
    for (let y = y0; y < y0 + side; y++)
      for (let at = y * width + x0; at < y * width + x0 + side; at++) pixels[at] = colour;
  };
  const n = points.length / 2;
  const side = Math.round(dense * (n > 50_000 ? 2 : n > 5000 ? 3 : 4));
  for (let i = 0; i < n; i++) square(i, side, word(of[i]));
  if (emphasised !== undefined)
    for (let i = 0; i < n; i++) {
      if (emphasised[i] === 0) continue;
      square(i, side + Math.round(4 * dense), rim);
      square(i, side + Math.round(2 * dense), word(of[i]));
    }
}

/** Whether a point lies in a polygon (crossings of a ray). */
function within(polygon: [number, number][], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
