// Products of few rows by large weights: each weight is read once and where it lies, by c^T = W a^T, whose "columns"
// are the rows of a.

// Rows that each start with their bias.
template <typename T>
INLINE void startRows(Range rows, const RowsProduct<T>& by) {
  for (int64_t i = rows.first; i < rows.last; i++)
    for (int64_t k = 0; k < by.wide; k += LANES<T>) store(by.c + i * by.wide + k, all<T>(by.bias[i]));
}

template <typename T, Sink SINK>
INLINE void rowsTimesPanels(Range rows, const RowsProduct<T>& by) {
  const Strided<T> a = by.a.from(rows.first);
  const Lines<T> c{by.c + rows.first * by.wide, by.wide};
  forEachPanel<T>(
      {0, panelsOf<T>(by.wide)}, by.wide, [&](int64_t at, auto vectors) __attribute__((always_inline)) {
        strip<T, decltype(vectors)::value, SINK>(rows.count(), by.depth, a, {by.b + at, by.wide}, nullptr,
                                                 c.column(at));
      });
}
// Some rows of a product.
template <typename T>
void rowsTimes(Range rows, const RowsProduct<T>& by) {
  if (by.bias == nullptr) return rowsTimesPanels<T, Sink::write>(rows, by);
  startRows(rows, by);
  rowsTimesPanels<T, Sink::add>(rows, by);
}

// Panels of a product of rows by packed weights (`multiplyPanels`), and GELU of their columns.
template <typename T>
void panelsTimes(Range panels, const PackedProduct<T>& by) {
  multiplyPanels(panels, by);
}
template <typename T>
void activatePanels(Range panels, int64_t rows, int64_t columns, T* c) {
  const int64_t from = panels.first * PANEL<T>, end = panels.last * PANEL<T>, to = end < columns ? end : columns;
  for (int64_t i = 0; i < rows; i++) geluRows(to - from, c + i * columns + from, c + i * columns + from);
}

// `rowsTimes` for a weight's gradient, which is much and is read after all others.
template <typename T>
void gradRowsTimes(Range rows, const RowsProduct<T>& by) {
  rowsTimesPanels<T, Sink::write>(rows, by);
}

// What `rowsTimes` reads in place of b [depth, wide]: b itself, or so many numbers that `arrangeRight` writes.
template <typename T>
int64_t rightNumbers(int64_t, int64_t) {
  return 0;
}
template <typename T>
void arrangeRight(Range, int64_t, int64_t, const T*, T*) {}

#ifdef SKYLOOP_SHORT_PRODUCTS
template <>
int64_t rightNumbers<float>(int64_t depth, int64_t wide) {
  return (depth + 1) / 2 * wide;
}
template <>
void arrangeRight<float>(Range panels, int64_t depth, int64_t wide, const float* from, float* into) {
  pack<float>(panels, depth, wide, {from, wide, 1}, into);
}
template <Sink SINK>
void shortRowsTimes(Range range, const RowsProduct<float>& by) {
  constexpr int64_t RUN = 16;
  const int64_t pairs = (by.depth + 1) / 2, held = (pairs + 7) / 8 * 8;
  const bool alongRows = by.a.across == 1;
  uint32_t* left = pairsOf(0, RUN * held);
  for (int64_t row = range.first; row < range.last; row += RUN) {
    const int64_t rows = range.last - row < RUN ? range.last - row : RUN;
    if (alongRows)
      pairRows(rows, by.depth, by.a.from(row).at, by.a.down, left, held);
    else
      pairEights(by.depth, by.a.at, by.a.across, row, row + RUN, left);
    shortProduct<SINK>(rows, pairs, alongRows ? byRows(left, held) : byEights(left, pairs),
                       reinterpret_cast<const uint32_t*>(by.b), {by.c + row * by.wide, by.wide});
  }
}
template <>
void rowsTimes<float>(Range rows, const RowsProduct<float>& by) {
  if (by.bias == nullptr) return shortRowsTimes<Sink::write>(rows, by);
  startRows(rows, by);
  shortRowsTimes<Sink::add>(rows, by);
}
template <>
void gradRowsTimes<float>(Range rows, const RowsProduct<float>& by) {
  if (reinterpret_cast<uintptr_t>(by.c) % 64 != 0) return shortRowsTimes<Sink::write>(rows, by);
  shortRowsTimes<Sink::stream>(rows, by);
  _mm_sfence();
}
#endif

// Up to sixteen rows of up to sixteen numbers, `apart` apart, as columns of `to`, whose rows are `wide` apart.
template <typename T>
INLINE void turnBlock(int64_t rows, int64_t columns, const T* from, int64_t apart, T* to, int64_t wide) {
#if SKYLOOP_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    if (rows == 16 && columns == 16) {
      Vector<float> lines[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) lines[i] = load(from + i * apart);
      return storeTransposed(lines, to, wide);
    }
  }
#endif
  for (int64_t k = 0; k < columns; k++)
    for (int64_t i = 0; i < rows; i++) to[k * wide + i] = from[i * apart + k];
}

// Some rows of from [rows, columns], transposed into to [columns, wide]; zero after the last row.
template <typename T>
void transposeInto(Range range, int64_t rows, int64_t columns, const T* from, Lines<T> lines) {
  const auto [first, last] = range;
  const auto [to, wide] = lines;
  const auto upTo16 = [](int64_t left) { return left < 16 ? left : 16; };
  for (int64_t i = first; i < last; i += 16)
    for (int64_t k = 0; k < columns; k += 16)
      turnBlock(upTo16(last - i), upTo16(columns - k), from + i * columns + k, columns, to + k * wide + i, wide);
  if (last < rows) return;
  for (int64_t k = 0; k < columns; k++)
    for (int64_t i = rows; i < wide; i++) to[k * wide + i] = 0;
}

// Some columns of to [rows, columns] = from [columns, wide] transposed; some columns at a time, so that whole cache
// lines are written.
template <typename T>
void transposeBack(Range range, int64_t rows, int64_t columns, Lines<const T> lines, T* to) {
  const auto [first, last] = range;
  const auto [from, wide] = lines;
  for (int64_t k = first; k < last; k += 16) {
    const int64_t across = last - k < 16 ? last - k : 16;
    int64_t i = 0;
    for (; i + 16 <= rows; i += 16) turnBlock(across, 16, from + k * wide + i, wide, to + i * columns + k, columns);
    for (; i < rows; i++)
      for (int64_t n = k; n < k + across; n++) to[i * columns + n] = from[n * wide + i];
  }
}

// GELU of rows; `before` may be `after`.
template <typename T>
void activate(Range rows, int64_t wide, const T* before, T* after) {
  geluRows(rows.count() * wide, before + rows.first * wide, after + rows.first * wide);
}
template <typename T>
void activateBackward(Range rows, int64_t wide, const T* before, T* after, T* grad) {
  const int64_t at = rows.first * wide;
  geluBackward(rows.count() * wide, before + at, after + at, grad + at);
}

template <typename T>
void sumRows(Range range, int64_t rows, int64_t wide, const T* from, T* sums) {
  for (int64_t i = range.first; i < range.last; i++) {
    const T* row = from + i * wide;
    Vector<T> total = Vector<T>{};
    int64_t k = 0;
    for (; k + LANES<T> <= rows; k += LANES<T>) total += load(row + k);
    T sum = sumOf(total)[0];
    for (; k < rows; k++) sum += row[k];
    sums[i] = sum;
  }
}

// What stands before and after the products, for some rows.
template <typename T>
void leftRows(const Dense<T>& job, Range rows, T* left, T* normal, T* inverse) {
  const int64_t at = rows.first * job.inputs;
  leftSide(job, rows.first, rows.count(), left + at, normal + at, inverse + rows.first);
}
template <typename T>
void finish(const Dense<T>& job, Range rows, int64_t width, const T* from) {
  finishRows(job, rows.first, rows.count(), width, from + rows.first * width, job.out);
}
template <typename T>
void branchGradRows(const Dense<T>& job, Range rows, int64_t width, T* into) {
  branchGrad(job, rows.first, rows.count(), width, into + rows.first * width);
}
// Of all rows: it adds up gradients.
template <typename T>
void normBackward(const Dense<T>& job, int64_t rows, const T* normal, const T* inverse, T* gradLeft, T* gradWeight,
                  T* gradBias) {
  standardiseBackward(rows, job.inputs, normal, inverse, job.normWeight, gradLeft, gradWeight, gradBias);
}
