/** Pixels of JPEG, PNG and WebP. */
import sharp from "sharp";

/** More pixels are no stamp: a small file may unfold to gigabytes. */
export const MOST_PIXELS = 2 ** 26;

/** Pixels [H, W, channels] from black 0 to `white`. */
export interface RawPicture {
  values: Uint8Array | Uint16Array;
  channels: number;
  widthPx: number;
  heightPx: number;
  /** The value of white. */
  white: number;
}

/**
 * Decodes a picture to [H, W, channels]; transparency is dropped, 16-bit kept as fine as it is. `depth` is that of its
 * metadata, for who has read them.
 */
export async function rawPicture(bytes: Uint8Array, depth?: string): Promise<RawPicture> {
  const image = sharp(bytes, { failOn: "error", limitInputPixels: MOST_PIXELS });
  const deep = (depth ?? (await image.metadata()).depth) === "ushort";
  const { data, info } = await image
    .removeAlpha()
    .toColourspace(deep ? "rgb16" : "srgb")
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const values = deep ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
  return {
    values,
    channels: info.channels,
    widthPx: info.width,
    heightPx: info.height,
    white: deep ? 65535 : 255,
  };
}
