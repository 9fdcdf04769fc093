/** Sky level and noise of a plane on a mesh, as SExtractor has them (Bertin & Arnouts 1996, section 4). */

/** Sky level and noise of every pixel [H, W]. */
export interface Background {
  level: Float32Array;
  sigma: Float32Array;
}

/** Pixels along the side of a cell of the mesh. */
const CELL_PX = 64;
/** Of a cell every STEPth pixel along each axis is looked at. */
const STEP = 2;

/**
 * The sky of a plane [H, W] with its noise: in cells of 64 px pixels are clipped at 3 sigma about their median, the level
 * is the mode (2.5 median - 1.5 mean, or the median in crowded cells); meshes are filtered by a median over 3 x 3 cells
 * and interpolated. Not finite pixels are left out; a plane without any finite pixel has level 0 and sigma 0.
 */
export function background(plane: Float32Array, heightPx: number, widthPx: number): Background {
  const [rows, columns] = [Math.max(1, Math.round(heightPx / CELL_PX)), Math.max(1, Math.round(widthPx / CELL_PX))];
  const [levels, sigmas] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const [y0, y1] = [row, row + 1].map((i) => Math.round((i * heightPx) / rows));
      const [x0, x1] = [column, column + 1].map((i) => Math.round((i * widthPx) / columns));
      const found = skyOfCell(plane, widthPx, [x0, y0, x1, y1]);
      levels[row * columns + column] = found.level;
      sigmas[row * columns + column] = found.sigma;
    }
  const spread = (mesh: Float64Array) =>
    interpolate(medianFiltered(filled(mesh), rows, columns), rows, columns, heightPx, widthPx);
  return { level: spread(levels), sigma: spread(sigmas) };
}

function skyOfCell(plane: Float32Array, widthPx: number, [x0, y0, x1, y1]: number[]): { level: number; sigma: number } {
  const values = new Float32Array(Math.ceil((x1 - x0) / STEP) * Math.ceil((y1 - y0) / STEP));
  let count = 0;
  for (let y = y0; y < y1; y += STEP)
    for (let x = x0; x < x1; x += STEP) {
      const value = plane[y * widthPx + x];
      if (Number.isFinite(value)) values[count++] = value;
    }
  if (count < values.length / 8) return { level: Number.NaN, sigma: Number.NaN };
  const sorted = values.subarray(0, count).sort();
  let [from, to] = [0, count];
  let [mean, sigma, median] = [0, 0, 0];
  for (let round = 0; round < 10; round++) {
    let [sum, squares] = [0, 0];
    median = (sorted[(from + to - 1) >> 1] + sorted[(from + to) >> 1]) / 2;
    // About the median: values far from zero would lose their differences.
    for (let i = from; i < to; i++) {
      const off = sorted[i] - median;
      sum += off;
      squares += off * off;
    }
    mean = median + sum / (to - from);
    sigma = Math.sqrt(Math.max(0, squares / (to - from) - (mean - median) ** 2));
    let [low, high] = [from, to];
    while (low < high && sorted[low] < median - 3 * sigma) low++;
    while (high > low && sorted[high - 1] > median + 3 * sigma) high--;
    if (low === from && high === to) break;
    [from, to] = [low, high];
  }
  const crowded = Math.abs(mean - median) > 0.3 * sigma;
  return { level: crowded ? median : 2.5 * median - 1.5 * mean, sigma };
}

/** Cells without pixels take the mean of all others. */
function filled(mesh: Float64Array): Float64Array {
  const known = mesh.filter((value) => !Number.isNaN(value));
  const mean = known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length;
  return mesh.map((value) => (Number.isNaN(value) ? mean : value));
}

function medianFiltered(mesh: Float64Array, rows: number, columns: number): Float64Array {
  return mesh.map((_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const around: number[] = [];
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++)
      for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++)
        around.push(mesh[y * columns + x]);
    around.sort((a, b) => a - b);
    return (around[(around.length - 1) >> 1] + around[around.length >> 1]) / 2;
  });
}

/** Linear between the middles of cells, flat beyond the outermost. */
function interpolate(mesh: Float64Array, rows: number, columns: number, H: number, W: number): Float32Array {
  const out = new Float32Array(H * W);
  const along = (at: number, size: number, cells: number) => {
    const place = Math.min(cells - 1, Math.max(0, ((at + 0.5) * cells) / size - 0.5));
    const first = Math.min(Math.max(0, cells - 2), Math.floor(place));
    return [first, Math.min(cells - 1, first + 1), place - first];
  };
  const across = Array.from({ length: W }, (_, x) => along(x, W, columns));
  const line = new Float64Array(columns);
  for (let y = 0; y < H; y++) {
    const [above, below, t] = along(y, H, rows);
    for (let column = 0; column < columns; column++)
      line[column] = mesh[above * columns + column] * (1 - t) + mesh[below * columns + column] * t;
    for (let x = 0; x < W; x++) {
      const [left, right, s] = across[x];
      out[y * W + x] = line[left] * (1 - s) + line[right] * s;
    }
  }
  return out;
}
