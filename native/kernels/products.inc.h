// Products of matrices that keep their sums in registers, and packed matrices.

// sums [ROWS][VECTORS] += a b over `depth`: the one place where numbers of single and double precision are multiplied.
// `left(i, k)` is element (i, k) of a; the rows of b hold VECTORS vectors.
template <typename T, int ROWS, int VECTORS, typename Left>
INLINE void addProducts(int64_t depth, Left left, Lines<const T> b, Vector<T> (&sums)[ROWS][VECTORS]) {
  for (int64_t k = 0; k < depth; k++) {
    Vector<T> right[VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) right[v] = load(b.at + k * b.apart + v * LANES<T>);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
      const Vector<T> number = all<T>(left(i, k));
#pragma GCC unroll 8
      for (int v = 0; v < VECTORS; v++) sums[i][v] += number * right[v];
    }
  }
}

// What becomes of sums: they are written (and stay in the cache), added to what is there, or written past the cache,
// whole lines that nobody reads soon.
enum class Sink { write, add, stream };

// ROWS x VECTORS vectors of c = start + a b, or c + a b; `start` is a row for all, or null.
template <typename T, int ROWS, int VECTORS, Sink SINK>
INLINE void tile(int64_t depth, Strided<T> a, Lines<const T> b, const T* start, Lines<T> c) {
  static_assert(SINK != Sink::stream);
  Vector<T> sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++)
      sums[i][v] = SINK == Sink::add  ? load(c.at + i * c.apart + v * LANES<T>)
                   : start != nullptr ? load(start + v * LANES<T>)
                                      : Vector<T>{};
  addProducts<T, ROWS, VECTORS>(
      depth, [&](int i, int64_t k) __attribute__((always_inline)) { return a.at[i * a.down + k * a.across]; }, b, sums);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) store(c.at + i * c.apart + v * LANES<T>, sums[i][v]);
}

// The same for any number of rows, in tiles of as many as registers hold beside one row of the right side and one
// number of the left.
template <typename T, int VECTORS, Sink SINK>
INLINE void strip(int64_t rows, int64_t depth, Strided<T> a, Lines<const T> b, const T* start, Lines<T> c) {
  int64_t i = 0;
#if SKYLOOP_BYTES == 64
  for (; i + 8 <= rows; i += 8) tile<T, 8, VECTORS, SINK>(depth, a.from(i), b, start, c.from(i));
#endif
  for (; i + 4 <= rows; i += 4) tile<T, 4, VECTORS, SINK>(depth, a.from(i), b, start, c.from(i));
  for (; i < rows; i++) tile<T, 1, VECTORS, SINK>(depth, a.from(i), b, start, c.from(i));
}

// c [rows, columns] = a b; columns a multiple of a vector's length.
template <typename T>
INLINE void product(Size size, Strided<T> a, Lines<const T> b, Lines<T> c) {
  constexpr int64_t L = LANES<T>;
  int64_t j = 0;
  for (; j + 2 * L <= size.columns; j += 2 * L)
    strip<T, 2, Sink::write>(size.rows, size.depth, a, b.column(j), nullptr, c.column(j));
  if (j < size.columns) strip<T, 1, Sink::write>(size.rows, size.depth, a, b.column(j), nullptr, c.column(j));
}

// Columns of one panel of a packed matrix.
template <typename T>
constexpr int64_t PANEL = 3 * LANES<T>;
template <typename T>
INLINE int64_t panelsOf(int64_t columns) {
  return (padded<T>(columns) + PANEL<T> - 1) / PANEL<T>;
}
// body(first column, vectors) for each of `panels` of rows of `wide` columns, which are padded.
template <typename T, typename Body>
INLINE void forEachPanel(Range panels, int64_t wide, Body body) {
  for (int64_t at = panels.first * PANEL<T>; at < panels.last * PANEL<T> && at < wide; at += PANEL<T>) {
    const int64_t width = wide - at < PANEL<T> ? wide - at : PANEL<T>;
    if (width == 3 * LANES<T>) body(at, std::integral_constant<int, 3>{});
    if (width == 2 * LANES<T>) body(at, std::integral_constant<int, 2>{});
    if (width == LANES<T>) body(at, std::integral_constant<int, 1>{});
  }
}

// A panel of `width` columns that lie one after the other, as rows; false where there is no faster way than number by
// number.
template <typename T>
INLINE bool turnPanel(int64_t, int64_t, const T*, int64_t, T*) {
  return false;
}
#if SKYLOOP_BYTES == 64
template <>
INLINE bool turnPanel<float>(int64_t depth, int64_t width, const float* from, int64_t across, float* panel) {
  if (depth % 16 != 0) return false;
  for (int64_t n = 0; n < width; n += 16)
    for (int64_t k = 0; k < depth; k += 16) {
      Vector<float> rows[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) rows[i] = load(from + (n + i) * across + k);
      storeTransposed(rows, panel + k * width + n, width);
    }
  return true;
}
#endif

// A [depth, columns] matrix, its padded columns zero, as panels of PANEL columns one after the other, each row by row;
// some of the panels.
template <typename T>
void pack(Range panels, int64_t depth, int64_t columns, Strided<T> from, T* into) {
  const int64_t wide = padded<T>(columns), down = from.down, across = from.across;
  for (int64_t at = panels.first * PANEL<T>; at < panels.last * PANEL<T> && at < wide; at += PANEL<T>) {
    const int64_t width = wide - at < PANEL<T> ? wide - at : PANEL<T>,
                  real = columns - at < width ? columns - at : width;
    T* panel = into + at * depth;
    if (across == 1) {
      for (int64_t k = 0; k < depth; k++) {
        for (int64_t n = 0; n < real; n++) panel[k * width + n] = from.at[k * down + at + n];
        for (int64_t n = real; n < width; n++) panel[k * width + n] = 0;
      }
      continue;
    }
    if (down == 1 && real == width && turnPanel(depth, width, from.at + at * across, across, panel)) continue;
    // Some columns' rows at a time, so that what is written stays near.
    for (int64_t block = 0; block < depth; block += 16) {
      const int64_t end = depth - block < 16 ? depth : block + 16;
      for (int64_t n = 0; n < real; n++)
        for (int64_t k = block; k < end; k++) panel[k * width + n] = from.at[k * down + (at + n) * across];
      for (int64_t n = real; n < width; n++)
        for (int64_t k = block; k < end; k++) panel[k * width + n] = 0;
    }
  }
}

// Some panels of a product by a packed matrix.
template <typename T>
INLINE void multiplyPanels(Range panels, const PackedProduct<T>& by) {
  const int64_t wide = padded<T>(by.size.columns), depth = by.size.depth;
  forEachPanel<T>(
      panels, wide, [&](int64_t at, auto vectors) __attribute__((always_inline)) {
        constexpr int VECTORS = decltype(vectors)::value;
        strip<T, VECTORS, Sink::write>(by.size.rows, depth, {by.a, by.lda, 1},
                                       {by.packed + at * depth, VECTORS * LANES<T>},
                                       by.bias == nullptr ? nullptr : by.bias + at, {by.c + at, wide});
      });
}
// All of them.
template <typename T>
INLINE void multiply(const PackedProduct<T>& by) {
  multiplyPanels({0, panelsOf<T>(by.size.columns)}, by);
}

// c [n, padded m] += p [rows, n] transposed by q [rows, m]; rows of p and q are padded.
template <typename T>
INLINE void addOuter(int64_t rows, int64_t n, int64_t m, const T* p, const T* q, T* c) {
  const int64_t wide = padded<T>(m);
  forEachPanel<T>(
      {0, panelsOf<T>(m)}, wide, [&](int64_t at, auto vectors) __attribute__((always_inline)) {
        strip<T, decltype(vectors)::value, Sink::add>(n, rows, {p, 1, padded<T>(n)}, {q + at, wide}, nullptr,
                                                      {c + at, wide});
      });
}
