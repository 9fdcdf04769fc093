import { useEffect, useRef, useState } from "react";
import type { FieldView } from "../../../src/contract/fields.ts";
import { type Canvas, density, useSize } from "../../actions/use-size.ts";
import { shownSize, toFile } from "../../parts/field/turn.ts";
import { FieldOverlay } from "./overlay.tsx";
import { paint, type Scene } from "./paint.ts";
import { skyAt, skyText } from "./sky.ts";
import { useTiles } from "./use-tiles.ts";
import { dragged, type FieldViewport, hit, type Sides, showing, toPicture, wholeField, zoomed } from "./view.ts";

interface Props extends Pick<Scene, "shapes" | "outlines" | "selected" | "labelOf"> {
  survey: string;
  field: FieldView;
  /** Whether a drag draws a box. */
  drawing: boolean;
  onSelect(object: string | null): void;
  onOpen(object: string): void;
  /** A box x1 y1 x2 y2 of the picture was drawn. */
  onDraw(box: number[]): void;
}

/** The image with what was found in it: wheel zooms, a drag moves or draws, a click selects, a double click opens. */
export function FieldCanvas({ survey, field, drawing, onSelect, onOpen, onDraw, ...scene }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = useSize(canvas);
  const frame: Sides = [width, height];
  const picture = shownSize(field);
  const [moved, setView] = useState<FieldViewport | null>(null);
  const view = moved ?? wholeField(picture, frame);
  const [draft, setDraft] = useState<number[] | null>(null);
  const [under, setUnder] = useState("");
  useFollow(scene, frame, setView);
  usePainting(canvas, survey, field, { ...scene, view, frame, draft });
  const zoom = (factor: number, at: Sides = [width / 2, height / 2]) =>
    setView((before) => zoomed(before ?? view, factor, at, picture, frame));
  const pointer = usePointer({
    drawing,
    onDrag: (dx, dy) => setView((before) => dragged(before ?? view, dx, dy, picture)),
    onDraft: (from, to) => setDraft(boxOf(toPicture(view, from, frame), toPicture(view, to, frame))),
    onDrawn: () => {
      setDraft(null);
      if (draft !== null) onDraw(draft);
    },
    onClick: (at) => onSelect(hit(scene.shapes, toPicture(view, at, frame), 6 / view.scale)?.object ?? null),
    onMove: (at) => setUnder(read(field, toPicture(view, at, frame))),
  });
  return (
    <>
      <div className="field-frame">
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Image ${field.name} with ${scene.shapes.length} objects`}
          className={drawing ? "drawing" : undefined}
          {...pointer}
          onWheel={(event) => zoom(event.deltaY < 0 ? 1.25 : 0.8, placeOf(event))}
          onDoubleClick={() => scene.selected !== null && onOpen(scene.selected)}
          onPointerLeave={() => setUnder("")}
        />
        <FieldOverlay field={field} view={view} frame={frame} onZoom={zoom} onWhole={() => setView(null)} />
      </div>
      <output className="under">
        {under || "Point at the image to read a position. The wheel zooms, a drag moves, a click selects."}
      </output>
    </>
  );
}

/** What is selected elsewhere comes into sight. */
function useFollow(
  { shapes, selected }: Pick<Scene, "shapes" | "selected">,
  frame: Sides,
  setView: React.Dispatch<React.SetStateAction<FieldViewport | null>>,
): void {
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (selected === shown.current) return;
    shown.current = selected;
    const box = shapes.find(({ object }) => object === selected)?.box;
    // The whole image holds every object, and follows the size of its frame.
    if (box !== undefined) setView((before) => before && showing(before, box, frame));
  });
}

function usePainting(canvas: Canvas, survey: string, field: FieldView, scene: Omit<Scene, "tiles" | "density">): void {
  const { inSight } = useTiles({ survey, field: field.name, tilePx: field.tilePx, levels: field.levels });
  useEffect(() => {
    const target = canvas.current;
    if (target === null) return;
    const dense = density();
    const [width, height] = scene.frame.map((side) => Math.round(side * dense));
    if (target.width !== width || target.height !== height) Object.assign(target, { width, height });
    const tiles = inSight(scene.view, scene.frame, shownSize(field), dense);
    paint(target.getContext("2d") as CanvasRenderingContext2D, { ...scene, tiles, density: dense });
  });
}

const boxOf = ([ax, ay]: Sides, [bx, by]: Sides): number[] => [
  Math.min(ax, bx),
  Math.min(ay, by),
  Math.max(ax, bx),
  Math.max(ay, by),
];

/** Pixel and position at a place of the picture; "" outside. */
function read(field: FieldView, [x, y]: readonly [number, number]): string {
  const [u, v] = toFile(field, x, y);
  const { widthPx, heightPx, sky } = field;
  if (u < 0 || v < 0 || u >= widthPx || v >= heightPx) return "";
  const pixel = `x ${(u - 0.5).toFixed(1)}, y ${(v - 0.5).toFixed(1)}`;
  return sky === null ? pixel : `${skyText(skyAt(sky, u / widthPx, v / heightPx))}  ${pixel}`;
}

const placeOf = (event: React.MouseEvent): Sides => {
  const box = event.currentTarget.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

interface Pointed {
  drawing: boolean;
  onDrag(dx: number, dy: number): void;
  onDraft(from: Sides, to: Sides): void;
  onDrawn(): void;
  onClick(at: Sides): void;
  onMove(at: Sides): void;
}

/** A press that stays where it is is a click; else it moves the picture, or draws. Spread over the canvas. */
function usePointer({ drawing, onDrag, onDraft, onDrawn, onClick, onMove }: Pointed) {
  const press = useRef<{ from: Sides; last: Sides; moved: boolean } | null>(null);
  return {
    onPointerDown: (event: React.PointerEvent) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const at = placeOf(event);
      press.current = { from: at, last: at, moved: false };
    },
    onPointerMove: (event: React.PointerEvent) => {
      const at = placeOf(event);
      onMove(at);
      const now = press.current;
      if (now === null || (!now.moved && Math.hypot(at[0] - now.from[0], at[1] - now.from[1]) < 4)) return;
      now.moved = true;
      if (drawing) onDraft(now.from, at);
      else onDrag(at[0] - now.last[0], at[1] - now.last[1]);
      now.last = at;
    },
    onPointerUp: (event: React.PointerEvent) => {
      const now = press.current;
      press.current = null;
      if (now === null) return;
      if (!now.moved) onClick(placeOf(event));
      else if (drawing) onDrawn();
    },
  };
}
