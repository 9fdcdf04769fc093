import type { Pixels } from "../../client/api.ts";
import { type Curve, limitsOf, type View } from "./stretch.ts";

const CURVE_NAMES: [Curve, string][] = [
  ["legacy", "as rendered"],
  ["asinh", "asinh"],
  ["log", "log"],
  ["sqrt", "sqrt"],
  ["linear", "linear"],
];

interface Props {
  pixels: Pixels | null;
  view: View;
  onView(view: View): void;
}

/** Band, stretch and limits of the picture. */
export function Knobs({ pixels, view, onView }: Props) {
  const set = <K extends keyof View>(key: K, value: View[K]) => onView({ ...view, [key]: value });
  const limited = view.curve !== "legacy" || (view.band !== "colour" && pixels?.kind === "flux");
  return (
    <>
      <label>
        Band
        <select value={view.band} onChange={(event) => set("band", event.target.value)}>
          <option value="colour">colour</option>
          <option value="side by side">side by side</option>
          {pixels?.bands.map((band) => (
            <option key={band} value={band}>
              {band}
            </option>
          ))}
        </select>
      </label>
      <label>
        Stretch
        <select value={view.curve} onChange={(event) => set("curve", event.target.value as Curve)}>
          {CURVE_NAMES.map(([curve, name]) => (
            <option key={curve} value={curve}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Limits
        <select
          value={view.limits}
          disabled={!limited}
          onChange={(event) => {
            const limits = event.target.value as View["limits"];
            // Values start where the limits are now.
            const [from, to] = limits === "values" && pixels !== null ? limitsOf(pixels, view) : [view.from, view.to];
            onView({ ...view, limits, from, to });
          }}
        >
          <option value="percentiles">percentiles</option>
          <option value="zscale">zscale</option>
          <option value="values">values</option>
        </select>
      </label>
      {view.limits === "values" ? (
        (["from", "to"] as const).map((end) => (
          <label key={end}>
            {end === "from" ? "Black at" : "White at"}
            <input
              type="number"
              step="any"
              value={view[end]}
              disabled={!limited}
              onChange={(event) => set(end, Number(event.target.value))}
            />
          </label>
        ))
      ) : (
        <Percentiles view={view} disabled={!limited || view.limits === "zscale"} set={set} />
      )}
      <label className="check">
        <input type="checkbox" checked={view.invert} onChange={(event) => set("invert", event.target.checked)} /> Invert
      </label>
    </>
  );
}

function Percentiles({
  view,
  disabled,
  set,
}: {
  view: View;
  disabled: boolean;
  set(end: "low" | "high", value: number): void;
}) {
  return (["low", "high"] as const).map((end) => (
    <label key={end}>
      {end === "low" ? "Black" : "White"} at {view[end]} %
      <input
        type="range"
        min={end === "low" ? 0 : 91}
        max={end === "low" ? 90 : 100}
        step={end === "low" ? 1 : 0.1}
        value={view[end]}
        disabled={disabled}
        onChange={(event) => set(end, Number(event.target.value))}
      />
    </label>
  ));
}
