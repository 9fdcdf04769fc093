/** How much of a stamp was measured, as every way to get images says it. */
import type { Problem } from "../contract/survey.ts";
import type { NewStamp } from "./folder.ts";
import { judgeFlux, QUALITY } from "./quality.ts";

/** Less of a band than this with measured pixels is only a part of it. */
const WHOLE = 0.98;

/**
 * A flux stamp with its quality bits, and before it a word where it is covered in part; only a word where it is not at all. Measured
 * are pixels that are finite and not exactly 0, as pixels without data are.
 */
export function covered(
  stamp: NewStamp & { codec: "f32"; data: Float32Array },
  bands: string[],
): (NewStamp | Problem)[] {
  const { data, id, source } = stamp;
  const N = data.length / bands.length;
  const shares = bands.map((_, band) => {
    let measured = 0;
    for (let p = band * N; p < (band + 1) * N; p++) if (Number.isFinite(data[p]) && data[p] !== 0) measured++;
    return measured / N;
  });
  const judged = judgeFlux(data, bands.length);
  if (Math.max(...shares) === 0 || judged.useless) {
    const why =
      judged.useless && Math.max(...shares) > 0 ? "every band is constant" : "no band has measured pixels there";
    return [{ source, code: "NOT_COVERED", message: `${id}: ${why}`, kept: false }];
  }
  const quality = (stamp.quality ?? 0) | judged.quality;
  if (Math.min(...shares) >= WHOLE) return [{ ...stamp, quality }];
  const said = bands.map((band, i) => `${band} ${Math.round(100 * shares[i])} %`).join(", ");
  return [
    { source, code: "PARTLY_COVERED", message: `${id}: ${said} of its pixels are measured; kept`, kept: true },
    { ...stamp, quality: quality | QUALITY.offEdge },
  ];
}
