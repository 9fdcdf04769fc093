/** Zenithal projections (Calabretta & Greisen 2002, section 5.1): the plane in radians about the reference point. */
import { SkyloopError } from "../base/errors.ts";

/** Sine and cosine of the native latitude (90 degrees at the reference point) and the native longitude in radians. */
export interface Native {
  sin: number;
  cos: number;
  phi: number;
}

/** A zenithal projection: plane in radians to native coordinates and back. */
export interface SkyProjection {
  /** Null off the projected sky. */
  toNative(x: number, y: number): Native | null;
  fromNative(native: Native): { x: number; y: number } | null;
}

/** Projections in which the distance from the reference point depends on the latitude alone. */
function radial(
  latitude: (r: number) => { sin: number; cos: number } | null,
  distance: (sin: number, cos: number) => number | null,
): SkyProjection {
  return {
    toNative(x, y) {
      const found = latitude(Math.hypot(x, y));
      return found === null ? null : { ...found, phi: Math.atan2(x, -y) };
    },
    fromNative({ sin, cos, phi }) {
      const r = distance(sin, cos);
      return r === null ? null : { x: r * Math.sin(phi), y: -r * Math.cos(phi) };
    },
  };
}

const zenith = (z: number) => ({ sin: Math.cos(z), cos: Math.sin(z) });

const TAN = radial(
  (r) => ({ sin: 1 / Math.hypot(1, r), cos: r / Math.hypot(1, r) }),
  (sin, cos) => (sin > 0 ? cos / sin : null),
);
const SIMPLE: Record<string, SkyProjection> = {
  TAN,
  TPV: TAN,
  ARC: radial(
    (r) => (r <= Math.PI ? zenith(r) : null),
    (sin, cos) => Math.atan2(cos, sin),
  ),
  STG: radial(
    (r) => zenith(2 * Math.atan(r / 2)),
    (sin, cos) => (sin > -1 ? (2 * cos) / (1 + sin) : null),
  ),
  ZEA: radial(
    (r) => (r <= 2 ? zenith(2 * Math.asin(r / 2)) : null),
    (sin, cos) => 2 * Math.sin(Math.atan2(cos, sin) / 2),
  ),
};

/** Orthographic, slant where xi and eta are not 0 (synthesis telescopes; NCP is one of them). */
function slantOrthographic(xi: number, eta: number): SkyProjection {
  return {
    toNative(x, y) {
      const a = xi ** 2 + eta ** 2 + 1;
      const b = xi * (x - xi) + eta * (y - eta);
      const c = (x - xi) ** 2 + (y - eta) ** 2 - 1;
      const root = b ** 2 - a * c;
      if (root < 0) return null;
      const sin = (-b + Math.sqrt(root)) / a;
      const [u, v] = [x - xi * (1 - sin), y - eta * (1 - sin)];
      return Math.abs(sin) > 1 + 1e-12
        ? null
        : { sin: Math.min(1, sin), cos: Math.hypot(u, v), phi: Math.atan2(u, -v) };
    },
    fromNative: ({ sin, cos, phi }) =>
      sin < 0 ? null : { x: cos * Math.sin(phi) + xi * (1 - sin), y: -cos * Math.cos(phi) + eta * (1 - sin) },
  };
}

/** Distance as a polynomial in the zenith distance (wide-field cameras: UKIDSS, VISTA). */
function zenithalPolynomial(terms: number[]): SkyProjection {
  const at = (z: number) => terms.reduceRight((sum, term) => sum * z + term, 0);
  const slope = (z: number) => terms.reduceRight((sum, term, i) => sum * z + i * term, 0) / (z || 1);
  return radial(
    (r) => {
      let z = r / (terms[1] || 1);
      for (let step = 0; step < 40; step++) {
        const change = (at(z) - r) / (z === 0 ? terms[1] : slope(z));
        z -= change;
        if (Math.abs(change) < 1e-15) break;
      }
      return Number.isFinite(z) && z >= -1e-12 && z < Math.PI && Math.abs(at(z) - r) < 1e-9 ? zenith(z) : null;
    },
    (sin, cos) => at(Math.atan2(cos, sin)),
  );
}

/**
 * A projection by its three letters; `terms` are PVi_m of the latitude axis by m, `dec0` the reference point's latitude
 * in radians. Throws WCS_UNSUPPORTED.
 */
export function projectionOf(code: string, terms: Map<number, number>, dec0: number): SkyProjection {
  if (code in SIMPLE) return SIMPLE[code];
  if (code === "SIN") return slantOrthographic(terms.get(1) ?? 0, terms.get(2) ?? 0);
  if (code === "NCP") return slantOrthographic(0, 1 / Math.tan(dec0));
  if (code === "ZPN" && terms.size > 0)
    return zenithalPolynomial(Array.from({ length: Math.max(...terms.keys()) + 1 }, (_, m) => terms.get(m) ?? 0));
  throw new SkyloopError(
    "WCS_UNSUPPORTED",
    `the image has the projection ${code}; TAN, TPV, SIN, NCP, ARC, STG, ZEA and ZPN are understood: reproject it (e.g. with reproject or SWarp)`,
  );
}
