import { useEffect, useState } from "react";
import { recall, remember } from "../../actions/memory.ts";

/** How large stamps are shown on the labelling page, and how that is changed. */
/** How pictures are shown: their side in pixels of the page, and how many times their middle is magnified. */
export interface PictureSettings {
  size: number;
  /** How many times the middle is magnified. */
  magnify: number;
  onSize(size: number): void;
  onMagnify(magnify: number): void;
}

/** How pictures are shown; the browser remembers it. */
export function usePictureSettings(): PictureSettings {
  const [size, onSize] = useState<number>(recall("size", 128));
  const [magnify, onMagnify] = useState<number>(recall("magnify", 1));
  useEffect(() => remember("size", size), [size]);
  useEffect(() => remember("magnify", magnify), [magnify]);
  return { size, magnify, onSize, onMagnify };
}

/** How large pictures are, and how much of their middle they show. */
export function PictureSize({ size, magnify, onSize, onMagnify }: PictureSettings) {
  return (
    <p className="pictures">
      <span className="hint">Pictures</span>
      <label className="size">
        <input
          type="range"
          min="64"
          max="256"
          step="32"
          value={size}
          aria-label="Size of the pictures"
          onChange={(event) => onSize(Number(event.target.value))}
        />
      </label>
      <select
        value={magnify}
        aria-label="Zoom to the centre of the pictures"
        title="Zoom to the centre of the pictures"
        onChange={(event) => onMagnify(Number(event.target.value))}
      >
        {[1, 1.5, 2, 3].map((times) => (
          <option key={times} value={times}>
            {times}×
          </option>
        ))}
      </select>
    </p>
  );
}
