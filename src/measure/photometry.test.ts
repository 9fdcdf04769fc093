import { describe, expect, it } from "vitest";
import { apertureLight, apertureRatio } from "./photometry.ts";

const S = 41;
const disc = (value: number, sky: number) =>
  Float32Array.from(
    { length: S * S },
    (_, i) => sky + (Math.hypot((i % S) - 20, Math.floor(i / S) - 20) < 5 ? value : 0),
  );

describe("aperture photometry", () => {
  it("is the light of what lies in the circle, whatever the sky", () => {
    const area = disc(1, 0).reduce((a, b) => a + b, 0);
    expect(apertureLight(disc(2, 0), S, S, 8)).toBeCloseTo(2 * area, 6);
    expect(apertureLight(disc(2, 5), S, S, 8)).toBeCloseTo(2 * area, 3);
  });
  it("has the area of a circle to a thousandth", () => {
    // One pixel of the edge is no sky: a flat plane with a dark edge shows the area.
    const plane = Float32Array.from({ length: S * S }, (_, i) =>
      i % S < 2 || i % S >= S - 2 || i < 2 * S || i >= S * (S - 2) ? 0 : 1,
    );
    expect(apertureLight(plane, S, S, 12.3) / (Math.PI * 12.3 ** 2)).toBeCloseTo(1, 3);
  });
  it("compares all bands together, and refuses circles that do not fit", () => {
    const image = Float32Array.from([...disc(2, 1), ...disc(1, 0)]);
    const reference = Float32Array.from([...disc(1, 0), ...disc(1, 0)]);
    expect(apertureRatio(image, reference, { bands: 2, heightPx: S, widthPx: S }, 8)).toBeCloseTo(1.5, 4);
    expect(() => apertureLight(disc(1, 0), S, S, 21)).toThrow(/does not fit/);
  });
});
