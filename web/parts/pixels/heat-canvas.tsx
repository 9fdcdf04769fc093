import { useEffect, useRef } from "react";
import type { Why } from "../../../src/contract/insight.ts";
import type { Pixels } from "../../client/api.ts";

/**
 * Regions that raise the score (green) and that lower it (magenta), over the square that the model saw. Neither is a
 * colour of galaxies: bulges are yellow to red, arms blue.
 */
const RAISES = [60, 255, 120] as const;
const LOWERS = [255, 40, 220] as const;

/** The regions of `heat` over a picture of the stamp. */
export function HeatCanvas({ heat, pixels }: { heat: NonNullable<Why["heat"]>; pixels: Pixels }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const upsideDown = pixels.kind === "flux";
  useEffect(() => {
    const { size, values } = heat;
    const target = canvas.current as HTMLCanvasElement;
    const context = target.getContext("2d") as CanvasRenderingContext2D;
    const image = context.createImageData(size, size);
    const most = Math.max(...values.map(Math.abs), 1e-9);
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const value = values[(upsideDown ? size - 1 - y : y) * size + x] / most;
        const alpha = 150 * Math.abs(value) ** 0.7;
        image.data.set([...(value > 0 ? RAISES : LOWERS), alpha], (y * size + x) * 4);
      }
    context.putImageData(image, 0, 0);
  }, [heat, upsideDown]);
  const { x0, y0, sizePx } = heat.box;
  const [W, H] = [pixels.widthPx, pixels.heightPx];
  const percent = (value: number) => `${100 * value}%`;
  return (
    <canvas
      ref={canvas}
      className="heat"
      width={heat.size}
      height={heat.size}
      role="img"
      aria-label="Regions that raise the score (green) and lower it (magenta)"
      style={{
        left: percent(x0 / W),
        top: percent((upsideDown ? H - y0 - sizePx : y0) / H),
        width: percent(sizePx / W),
        height: percent(sizePx / H),
      }}
    />
  );
}
