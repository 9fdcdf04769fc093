/** Draws a field: parts of its picture, outlines of what lies in it, and the box that is being drawn. */
import type { LabelValue } from "../../../src/contract/api.ts";
import type { FieldTilePlace, FieldViewport, Sides } from "./view.ts";

/** A candidate or a drawn object as it is painted; the box x1 y1 x2 y2 and the outline are of the picture. */
export interface Shape {
  object: string;
  box: number[];
  /** Null where there is a box only. */
  outline: Path2D | null;
  /** Null for what a person drew. */
  score: number | null;
}

/** A part of the picture that has come. */
export interface LoadedTile extends FieldTilePlace {
  image: CanvasImageSource & { width: number; height: number };
}

/** Everything that is painted. */
export interface Scene {
  view: FieldViewport;
  frame: Sides;
  density: number;
  /** The coarser ones first. */
  tiles: readonly LoadedTile[];
  shapes: readonly Shape[];
  outlines: boolean;
  selected: string | null;
  labelOf(object: string): LabelValue | null;
  /** A box that is being drawn. */
  draft: readonly number[] | null;
}

const TOKENS: Record<LabelValue | "open" | "selected", string> = {
  positive: "--mark-yes",
  negative: "--mark-no",
  unsure: "--mark-unsure",
  clear: "--mark-open",
  open: "--mark-open",
  selected: "--on-picture",
};

/** Paints a scene over all of a canvas. */
export function paint(context: CanvasRenderingContext2D, scene: Scene): void {
  const { view, frame, density, tiles, draft } = scene;
  const colours = getComputedStyle(context.canvas);
  const colour = (of: keyof typeof TOKENS) => colours.getPropertyValue(TOKENS[of]).trim();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = colours.getPropertyValue("--picture");
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  // From here on one unit is a pixel of the picture.
  const scale = view.scale * density;
  context.setTransform(
    scale,
    0,
    0,
    scale,
    (frame[0] / 2 - view.x * view.scale) * density,
    (frame[1] / 2 - view.y * view.scale) * density,
  );
  context.imageSmoothingEnabled = view.scale < 3;
  for (const { image, x, y, step } of tiles) context.drawImage(image, x, y, image.width * step, image.height * step);
  const line = (width: number) => {
    context.lineWidth = width / view.scale;
  };
  if (scene.outlines) for (const shape of scene.shapes) paintShape(context, shape, scene, colour, line);
  if (draft === null) return;
  context.strokeStyle = colour("unsure");
  line(2);
  strokeBox(context, draft);
}

function paintShape(
  context: CanvasRenderingContext2D,
  { object, box, outline, score }: Shape,
  { view, selected, labelOf }: Scene,
  colour: (of: keyof typeof TOKENS) => string,
  line: (width: number) => void,
): void {
  const chosen = object === selected;
  context.strokeStyle = colour(labelOf(object) ?? "open");
  // Thousands of objects seen from afar would cover the image.
  line(chosen ? 2.5 : Math.max(0.6, Math.min(1.5, 1.5 * view.scale)));
  if (outline !== null) context.stroke(outline);
  else {
    context.setLineDash([6 / view.scale, 4 / view.scale]);
    strokeBox(context, box);
    context.setLineDash([]);
  }
  if (!chosen) return;
  const margin = 4 / view.scale;
  const around = [box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin];
  context.strokeStyle = colour("selected");
  line(1.5);
  strokeBox(context, around);
  if (score === null) return;
  context.fillStyle = colour("selected");
  context.font = `${13 / view.scale}px system-ui, sans-serif`;
  context.fillText(score.toFixed(3), around[0], around[1] - 4 / view.scale);
}

function strokeBox(context: CanvasRenderingContext2D, [x1, y1, x2, y2]: readonly number[]): void {
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
}
