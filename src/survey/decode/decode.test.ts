import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { writeTable } from "../catalogue.ts";
import { writeFitsImage } from "../fits.ts";
import { decode } from "./index.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);

/** Sets a keyword of a FITS file in place. */
function setCard(path: string, key: string, value: string): void {
  const bytes = readFileSync(path);
  const place = bytes.lastIndexOf(`${key.padEnd(8)}=`, undefined, "latin1");
  expect(place).toBeGreaterThan(0);
  bytes.write(`${key.padEnd(8)}= ${value.padStart(20)}`, place, "latin1");
  writeFileSync(path, bytes);
}

describe("files that claim what they do not hold", () => {
  it("are refused by their length: tables of 10^9 rows, images of 16 GB", async () => {
    await writeTable(at("t.fits"), "fits", [{ name: "n", type: "number" }], [{ n: 1 }]);
    setCard(at("t.fits"), "NAXIS2", "1000000000");
    const table = decode("fitsTable", [at("t.fits")], { path: at("t.fits") });
    await expect(table).rejects.toThrow(/claims a table of 8000000000 bytes, the file has/);
    writeFitsImage(at("i.fits"), { widthPx: 16, heightPx: 16, planes: 1, data: new Float32Array(256) });
    setCard(at("i.fits"), "NAXIS1", "40000");
    setCard(at("i.fits"), "NAXIS2", "40000");
    const image = decode("fitsImage", [at("i.fits")], { path: at("i.fits") });
    await expect(image).rejects.toMatchObject({ code: "FITS_UNREADABLE" });
  });

  it("do not take the memory they unfold to, and others are read after them", async () => {
    // 400 MB of zeros behind a header, 0.4 MB packed, against a limit of 300 MB.
    writeFitsImage(at("h.fits"), { widthPx: 16, heightPx: 16, planes: 1, data: new Float32Array(256) });
    const header = readFileSync(at("h.fits")).subarray(0, 2880);
    writeFileSync(at("bomb.fits.gz"), gzipSync(Buffer.concat([header, Buffer.alloc(4e8)]), { level: 1 }));
    process.env.SKYLOOP_DECODE_MB = "300";
    const bomb = decode("fitsHdus", [at("bomb.fits.gz")], { path: at("bomb.fits.gz") });
    // cfitsio says of some of its failed allocations only that it could not unpack.
    await expect(bomb).rejects.toMatchObject({ code: expect.stringMatching(/^(FILE_TOO_LARGE|FITS_UNREADABLE)$/) });
    delete process.env.SKYLOOP_DECODE_MB;
    expect(await decode("fitsHdus", [at("h.fits")], { path: at("h.fits") })).toHaveLength(1);
  });

  it("may take what the limit says on top of what their process holds before it, which is more than that", async () => {
    const data = new Float32Array(256 * 256);
    writeFitsImage(at("held.fits"), { widthPx: 256, heightPx: 256, planes: 1, data });
    process.env.SKYLOOP_DECODE_MB = "40";
    try {
      expect(await decode("fitsImage", [at("held.fits")], { path: at("held.fits") })).toMatchObject({ widthPx: 256 });
    } finally {
      delete process.env.SKYLOOP_DECODE_MB;
    }
  });

  it("and pipes are no plain files", async () => {
    execFileSync("mkfifo", [at("pipe.fits")]);
    const pipe = decode("fitsHdus", [at("pipe.fits")], { path: at("pipe.fits") });
    await expect(pipe).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  });
});
