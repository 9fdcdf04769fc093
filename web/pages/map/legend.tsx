import { css, ramp } from "../../parts/colours.ts";
import type { Legend } from "./use-map.ts";

/** What the colours of the map mean. */
export function LegendView({ legend: { low, high, names } }: { legend: Legend }) {
  if (names !== undefined)
    return (
      <span className="legend">
        {names.map(([name, colour]) => (
          <span key={name}>
            <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" rx="2" fill={colour} />
            </svg>{" "}
            {name}
          </span>
        ))}
      </span>
    );
  if (low === undefined || high === undefined) return null;
  return (
    <span className="legend">
      {Number(low.toPrecision(3))}
      <svg viewBox="0 0 100 10" width="100" height="10" aria-hidden="true">
        {Array.from({ length: 25 }, (_, i) => (
          <rect key={css(ramp(i / 24))} x={i * 4} width="4.2" height="10" fill={css(ramp(i / 24))} />
        ))}
      </svg>
      {Number(high.toPrecision(3))}
    </span>
  );
}
