/** Which rows of two surveys are the same object with the same pixels. */
import { openSurvey, type Survey } from "./folder.ts";

/**
 * For every row of the survey `fresh` the row of `old` with the same id and the same stamp, byte for byte, or -1. All
 * are -1 where models would see the stamps in another way, or the old survey cannot be read.
 */
export async function oldRowsOf(old: string, fresh: string): Promise<Int32Array> {
  const after = await openSurvey(fresh);
  const rows = new Int32Array(after.rows.length).fill(-1);
  let before: Survey | null = null;
  try {
    before = await openSurvey(old);
    if (!seenAlike(before.header, after.header)) return rows;
    for (let row = 0; row < rows.length; row++) {
      const at = before.indexOf(after.rows[row].id);
      if (at !== undefined && sameStamp(before, at, after, row)) rows[row] = at;
    }
    return rows;
  } catch {
    // A damaged survey has nothing to compare with; that it is replaced is its remedy.
    return rows.fill(-1);
  } finally {
    before?.close();
    after.close();
  }
}

function seenAlike(a: Survey["header"], b: Survey["header"]): boolean {
  const look = ({ kind, bands, unit, adaptiveCrop, pixelScaleArcsec }: Survey["header"]) =>
    JSON.stringify([kind, bands, unit, adaptiveCrop, pixelScaleArcsec]);
  return look(a) === look(b);
}

function sameStamp(a: Survey, i: number, b: Survey, j: number): boolean {
  const [one, other] = [a.rows[i], b.rows[j]];
  if (one.bytes !== other.bytes || one.codec !== other.codec) return false;
  if (one.widthPx !== other.widthPx || one.heightPx !== other.heightPx) return false;
  return Buffer.compare(a.readStampBytes(i).bytes, b.readStampBytes(j).bytes) === 0;
}
