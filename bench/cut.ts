/** `skyloop survey cut` from large tiles beside astropy's Cutout2D, which writes nothing: stamps a second, in turns. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "../src/base/progress.ts";
import { Random } from "../src/base/random.ts";
import { createFromTiles } from "../src/stamps/tiles/index.ts";
import { makeSky, writeTile } from "../test/fixtures/tiles.ts";

/** Stamps a second of each program, one number a round; `python` is null where it has no astropy. */
export interface CutBench {
  stamps: number;
  stitched: number;
  ours: number[];
  astropy: number[];
}

const PEER = `
import csv, sys, time, numpy as np
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
folder, catalogue, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
begun = time.time()
rows = [(float(r["ra"]), float(r["dec"])) for r in csv.DictReader(open(catalogue))]
tiles = []
for name in "abcd":
    data = [fits.getdata(f"{folder}/{name}-image-{band}.fits") for band in "grz"]
    tiles.append((data, WCS(fits.getheader(f"{folder}/{name}-image-g.fits"))))
count = 0
for data, wcs in tiles:
    x, y = wcs.all_world2pix(np.array(rows), 0).T
    height, width = data[0].shape
    edge = np.minimum(np.minimum(x, y), np.minimum(width - 1 - x, height - 1 - y))
    for i in np.flatnonzero(edge >= 0):
        np.stack([Cutout2D(plane, (x[i], y[i]), size, mode="partial", fill_value=np.nan).data for plane in data])
        count += 1
print(count / (time.time() - begun))`;

/** Cuts `stamps` stamps of three bands out of four tiles, with all that a survey needs; the peer only cuts. */
export async function benchCut({
  stamps,
  size,
  side,
  rounds,
  python,
}: {
  stamps: number;
  size: number;
  side: number;
  rounds: number;
  python: string;
}): Promise<CutBench> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const sky = makeSky(2 * side, ["g", "r", "z"]);
    const overlap = 2 * size;
    for (const [i, name] of ["a", "b", "c", "d"].entries()) {
      const [x0, y0] = [(i % 2) * (side - overlap), Math.floor(i / 2) * (side - overlap)];
      writeTile(join(folder, "tiles"), name, sky, [x0, y0, side, side]);
    }
    const random = new Random(3);
    const rows = Array.from({ length: stamps }, (_, i) => {
      const { raDeg, decDeg } = sky.wcs.pixelToSky(
        random.uniform(0, 2 * side - overlap),
        random.uniform(0, 2 * side - overlap),
      ) ?? { raDeg: 0, decDeg: 0 };
      return `o${i},${raDeg},${decDeg}`;
    });
    const catalogue = join(folder, "catalogue.csv");
    writeFileSync(catalogue, `id,ra,dec\n${rows.join("\n")}\n`);
    const result: CutBench = { stamps, stitched: 0, ours: [], astropy: [] };
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const { header, stitched } = await createFromTiles({
        out: join(folder, `survey-${round}`),
        tiles: join(folder, "tiles"),
        catalogue,
        sizePx: size,
        weights: false,
        maskBits: 0,
        adaptiveCrop: false,
        command: "bench",
        progress: SILENT,
      });
      result.ours.push((header.count * 1000) / (performance.now() - start));
      result.stitched = stitched;
      rmSync(join(folder, `survey-${round}`), { recursive: true });
      const peer = spawnSync(python, ["-c", PEER, join(folder, "tiles"), catalogue, String(size)], {
        encoding: "utf8",
      });
      if (peer.status === 0) result.astropy.push(Number(peer.stdout));
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
