/** Whole files to damage, made by our own writers: small, of every kind that is read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import h5wasm from "h5wasm/node";
import sharp from "sharp";
import { Random } from "../../src/base/random.ts";
import { writeFeatures } from "../../src/store/features.ts";
import { writeTable } from "../../src/survey/catalogue.ts";
import { writeFitsImage } from "../../src/survey/fits.ts";
import { simulateSurvey } from "../../src/survey/simulate/index.ts";

export const KINDS = ["fits", "fz", "hdf5", "pictures", "tables", "safetensors", "json", "api"] as const;
export type Kind = (typeof KINDS)[number];

const WCS = [
  "CTYPE1  = 'RA---TAN'",
  "CTYPE2  = 'DEC--TAN'",
  "CRVAL1  =                150.1",
  "CRVAL2  =                  2.2",
  "CRPIX1  =                 16.5",
  "CRPIX2  =                 16.5",
  "CD1_1   =             -7.3E-05",
  "CD2_2   =              7.3E-05",
  "BANDS   = 'grz'",
].map((card) => card.padEnd(80));

const noise = (count: number) => {
  const random = new Random(4);
  return Float32Array.from({ length: count }, () => random.normal(0, 1));
};

/** Writes the seeds of a kind into a folder; a survey for json and api. */
export async function makeSeeds(kind: Kind, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  const image = { widthPx: 32, heightPx: 32, planes: 3, data: noise(3 * 32 * 32) };
  if (kind === "fits") {
    writeFitsImage(at("cube.fits"), image, WCS);
    writeFitsImage(at("plane.fits"), { ...image, planes: 1, data: noise(32 * 32) }, WCS.slice(0, 8));
  } else if (kind === "fz")
    for (const name of ["RICE_1", "GZIP_1", "HCOMPRESS_1"] as const)
      writeFitsImage(
        at(`${name.toLowerCase()}.fits.fz`),
        { ...image, planes: 1, data: noise(32 * 32) },
        WCS.slice(0, 8),
        name,
      );
  else if (kind === "hdf5") await writeHdf5(at("set.h5"));
  else if (kind === "pictures") {
    const pixels = Uint8Array.from(noise(3 * 40 * 40), (value) => 128 + 40 * value);
    const raw = sharp(pixels, { raw: { width: 40, height: 40, channels: 3 } });
    for (const name of ["a.jpg", "b.png", "c.webp"]) await raw.clone().toFile(at(name));
  } else if (kind === "tables") await writeTables(at);
  else if (kind === "safetensors") writeFileSync(at("head.safetensors"), tinyWeights());
  else {
    const header = await simulateSurvey(at("survey"), {
      count: 12,
      seed: 5,
      sizePx: 64,
      workers: 1,
      progress: { update() {}, end() {} },
      command: "fuzz",
    });
    const facts = { model: "toy", weightsHash: "toy", dataHash: header.dataHash, dim: 4, count: 12, blockRows: 12 };
    const writer = writeFeatures(at("survey"), facts);
    writer.write(0, noise(48));
    writer.close();
  }
}

async function writeHdf5(path: string): Promise<void> {
  await h5wasm.ready;
  const file = new h5wasm.File(path, "w");
  const shape = [6, 3, 24, 24];
  file.create_dataset({
    name: "images",
    data: noise(6 * 3 * 24 * 24),
    shape,
    dtype: "<f",
    chunks: [1, 3, 24, 24],
    compression: 4,
  });
  file.create_dataset({ name: "ra", data: Float64Array.from([1, 2, 3, 4, 5, 6]), dtype: "<d" });
  file.create_dataset({ name: "dec", data: Float64Array.from([1, 2, 3, 4, 5, 6]), dtype: "<d" });
  file.create_dataset({ name: "name", data: ["a", "b", "c", "d", "e", "f"] });
  file.close();
}

async function writeTables(at: (name: string) => string): Promise<void> {
  const columns = [
    { name: "id", type: "string" as const },
    { name: "ra", type: "number" as const },
    { name: "n", type: "integer" as const },
  ];
  const rows = Array.from({ length: 30 }, (_, i) => ({ id: `g${i}`, ra: i / 7, n: i }));
  await writeTable(at("t.csv"), "csv", columns, rows);
  await writeTable(at("t.parquet"), "parquet", columns, rows);
  await writeTable(at("t.fits"), "fits", columns, rows);
  writeFileSync(at("t.fits.gz"), gzipSync(await import("node:fs").then((fs) => fs.readFileSync(at("t.fits")))));
}

function tinyWeights(): Buffer {
  const header = JSON.stringify({
    __metadata__: { format: "pt", kind: "test" },
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: "I64", shape: [2], data_offsets: [24, 40] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(40, 1)]);
}
