/** Strong lensing by a singular isothermal ellipsoid (Kormann, Schneider & Bartelmann 1994). */

export interface Sie {
  /** Einstein radius in pixels. */
  einsteinRadius: number;
  axisRatio: number;
  angle: number;
}

/** Where a ray that is seen at (x, y), relative to the lens, comes from in the source plane. */
export function traceBack({ einsteinRadius, axisRatio: q, angle }: Sie, x: number, y: number): [number, number] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [u, v] = [x * cos + y * sin, y * cos - x * sin];
  const psi = Math.sqrt(q * q * u * u + v * v) || 1e-9;
  let [du, dv] = [0, 0];
  if (q > 0.999) {
    const r = Math.hypot(u, v) || 1e-9;
    [du, dv] = [(einsteinRadius * u) / r, (einsteinRadius * v) / r];
  } else {
    const f = Math.sqrt(1 - q * q);
    const scale = (einsteinRadius * Math.sqrt(q)) / f;
    [du, dv] = [scale * Math.atan((f * u) / psi), scale * Math.atanh((f * v) / psi)];
  }
  const [su, sv] = [u - du, v - dv];
  return [su * cos - sv * sin, su * sin + sv * cos];
}
