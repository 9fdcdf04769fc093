import { useEffect, useRef } from "react";
import type { LabelValue } from "../../src/contract/api.ts";
import { newKey } from "./memory.ts";

const objectAt = (target: EventTarget) => (target as HTMLElement).closest<HTMLElement>(".tile")?.dataset.object;

/**
 * Labelling by dragging with mouse or pen: every object that the pointer passes gets the label that a click would have
 * given the first, and one undo takes the whole stroke back. Fingers scroll. Spread what is returned over the grid.
 */
export function usePaint(
  valueFor: (object: string) => LabelValue,
  label: (objects: string[], value: LabelValue, action: string) => void,
) {
  const stroke = useRef<{ first: string; value: LabelValue; done: Set<string>; action: string } | null>(null);
  const painted = useRef(false);
  useEffect(() => {
    const end = () => {
      stroke.current = null;
    };
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
    return () => {
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
    };
  }, []);
  return {
    onPointerDown: (event: React.PointerEvent) => {
      painted.current = false;
      const first = objectAt(event.target);
      const face = (event.target as HTMLElement).closest(".face") !== null;
      if (event.pointerType !== "touch" && event.button === 0 && !event.shiftKey && face && first !== undefined)
        stroke.current = { first, value: valueFor(first), done: new Set(), action: newKey() };
    },
    onPointerOver: (event: React.PointerEvent) => {
      const now = stroke.current;
      const object = objectAt(event.target);
      if (now === null || object === undefined || (object === now.first && now.done.size === 0)) return;
      const fresh = [now.first, object].filter((one) => !now.done.has(one));
      if (fresh.length === 0) return;
      for (const one of fresh) now.done.add(one);
      painted.current = true;
      label(fresh, now.value, now.action);
    },
    /** The click that ends a stroke over its first object is no click. */
    onClickCapture: (event: React.MouseEvent) => {
      if (!painted.current) return;
      painted.current = false;
      event.stopPropagation();
    },
  };
}
