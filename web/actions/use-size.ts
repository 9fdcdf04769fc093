import { useEffect, useState } from "react";

/** What holds the canvas element that a component draws on, once it is on the page. */
export type Canvas = React.RefObject<HTMLCanvasElement | null>;

/** Pixels of the screen in one of the page's: more than two cannot be seen. */
export const density = (): number => Math.min(2, devicePixelRatio || 1);

/** The size of the canvas on the page, in its pixels. */
export function useSize(canvas: Canvas): { width: number; height: number } {
  const [size, setSize] = useState({ width: 800, height: 560 });
  useEffect(() => {
    if (canvas.current === null) return;
    const observer = new ResizeObserver(([{ contentRect }]) =>
      setSize({
        width: Math.max(200, Math.round(contentRect.width)),
        height: Math.max(200, Math.round(contentRect.height)),
      }),
    );
    observer.observe(canvas.current);
    return () => observer.disconnect();
  }, [canvas]);
  return size;
}
