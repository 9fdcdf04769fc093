// Products of few rows by large weights: each weight is read once and where it lies, by c^T = W a^T, whose "columns"
// are the rows of a. Included for every processor by dense.cc.
#include "dense.h"

namespace skyloop::SKYLOOP_VARIANT {

// Rows that each start with their bias.
template <typename T>
INLINE void startRows(int64_t first, int64_t last, int64_t wide, const T* bias, T* c) {
  for (int64_t i = first; i < last; i++)
    for (int64_t k = 0; k < wide; k += LANES<T>) store(c + i * wide + k, all<T>(bias[i]));
}

template <typename T, bool ADDS>
INLINE void rowsTimesPanels(int64_t first, int64_t last, int64_t depth, const T* a, int64_t down, int64_t across,
                            const T* b, int64_t wide, T* c) {
  for (int64_t at = 0; at < wide; at += PANEL<T>) {
    const int64_t width = wide - at < PANEL<T> ? wide - at : PANEL<T>;
    if (width == 3 * LANES<T>)
      denseStrip<T, 3, ADDS>(last - first, depth, a + first * down, down, across, b + at, wide, nullptr,
                             c + first * wide + at, wide);
    if (width == 2 * LANES<T>)
      denseStrip<T, 2, ADDS>(last - first, depth, a + first * down, down, across, b + at, wide, nullptr,
                             c + first * wide + at, wide);
    if (width == LANES<T>)
      denseStrip<T, 1, ADDS>(last - first, depth, a + first * down, down, across, b + at, wide, nullptr,
                             c + first * wide + at, wide);
  }
}
// Rows `first` to before `last` of c [n, wide] = bias [n] (or null) + a [n, depth] b [depth, wide]. Element (i, k) of a
// stands at a[i * down + k * across]; wide is padded.
template <typename T>
void rowsTimes(int64_t first, int64_t last, int64_t depth, const T* a, int64_t down, int64_t across, const T* b,
               int64_t wide, const T* bias, T* c) {
  if (bias == nullptr) return rowsTimesPanels<T, false>(first, last, depth, a, down, across, b, wide, c);
  startRows(first, last, wide, bias, c);
  rowsTimesPanels<T, true>(first, last, depth, a, down, across, b, wide, c);
}

// Panels of a product of rows by packed weights (`multiplyPanels`), and GELU of their columns.
template <typename T>
void panelsTimes(int64_t first, int64_t last, int64_t rows, int64_t columns, int64_t depth, const T* a, const T* packed,
                 const T* bias, T* c) {
  multiplyPanels(first, last, rows, columns, depth, a, depth, packed, bias, c);
}
template <typename T>
void activatePanels(int64_t first, int64_t last, int64_t rows, int64_t columns, T* c) {
  const int64_t from = first * PANEL<T>, to = last * PANEL<T> < columns ? last * PANEL<T> : columns;
  for (int64_t i = 0; i < rows; i++) geluRows(to - from, c + i * columns + from, c + i * columns + from);
}

// `rowsTimes` for a weight's gradient, which is much and is read after all others.
template <typename T>
void gradRowsTimes(int64_t first, int64_t last, int64_t depth, const T* a, int64_t down, int64_t across, const T* b,
                   int64_t wide, T* c) {
  rowsTimesPanels<T, false>(first, last, depth, a, down, across, b, wide, c);
}

// What `rowsTimes` reads in place of b [depth, wide]: b itself, or so many numbers that `arrangeRight` writes.
template <typename T>
int64_t rightNumbers(int64_t, int64_t) {
  return 0;
}
template <typename T>
void arrangeRight(int64_t, int64_t, int64_t, int64_t, const T*, T*) {}

#ifdef SKYLOOP_SHORT_PRODUCTS
template <>
int64_t rightNumbers<float>(int64_t depth, int64_t wide) {
  return (depth + 1) / 2 * wide;
}
// Panels `first` to before `last`.
template <>
void arrangeRight<float>(int64_t first, int64_t last, int64_t depth, int64_t wide, const float* from, float* into) {
  pack<float>(depth, wide, from, wide, 1, into, first, last);
}
template <Sink SINK>
void shortRowsTimes(int64_t first, int64_t last, int64_t depth, const float* a, int64_t down, int64_t across,
                    const float* b, int64_t wide, float* c) {
  constexpr int64_t RUN = 16;
  const int64_t pairs = (depth + 1) / 2, held = (pairs + 7) / 8 * 8;
  uint32_t* left = pairsOf(0, RUN * held);
  for (int64_t row = first; row < last; row += RUN) {
    const int64_t rows = last - row < RUN ? last - row : RUN;
    if (across == 1)
      pairRows(rows, depth, a + row * down, down, left, held);
    else
      pairEights(depth, a, across, row, row + RUN, left);
    shortProduct<SINK>(rows, wide, pairs, across == 1 ? byRows(left, held) : byEights(left, pairs),
                       reinterpret_cast<const uint32_t*>(b), nullptr, c + row * wide);
  }
}
template <>
void rowsTimes<float>(int64_t first, int64_t last, int64_t depth, const float* a, int64_t down, int64_t across,
                      const float* b, int64_t wide, const float* bias, float* c) {
  if (bias == nullptr) return shortRowsTimes<Sink::write>(first, last, depth, a, down, across, b, wide, c);
  startRows(first, last, wide, bias, c);
  shortRowsTimes<Sink::add>(first, last, depth, a, down, across, b, wide, c);
}
template <>
void gradRowsTimes<float>(int64_t first, int64_t last, int64_t depth, const float* a, int64_t down, int64_t across,
                          const float* b, int64_t wide, float* c) {
  if (reinterpret_cast<uintptr_t>(c) % 64 != 0)
    return shortRowsTimes<Sink::write>(first, last, depth, a, down, across, b, wide, c);
  shortRowsTimes<Sink::stream>(first, last, depth, a, down, across, b, wide, c);
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

// Rows `first` to before `last` of from [rows, columns], transposed into to [columns, wide]; zero after the last row.
template <typename T>
void transposeInto(int64_t first, int64_t last, int64_t rows, int64_t columns, const T* from, T* to, int64_t wide) {
  const auto upTo16 = [](int64_t left) { return left < 16 ? left : 16; };
  for (int64_t i = first; i < last; i += 16)
    for (int64_t k = 0; k < columns; k += 16)
      turnBlock(upTo16(last - i), upTo16(columns - k), from + i * columns + k, columns, to + k * wide + i, wide);
  if (last < rows) return;
  for (int64_t k = 0; k < columns; k++)
    for (int64_t i = rows; i < wide; i++) to[k * wide + i] = 0;
}

// Columns `first` to before `last` of to [rows, columns] = from [columns, wide] transposed; some columns at a time, so
// that whole cache lines are written.
template <typename T>
void transposeBack(int64_t first, int64_t last, int64_t rows, int64_t columns, const T* from, int64_t wide, T* to) {
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
void activate(int64_t first, int64_t last, int64_t wide, const T* before, T* after) {
  geluRows((last - first) * wide, before + first * wide, after + first * wide);
}
template <typename T>
void activateBackward(int64_t first, int64_t last, int64_t wide, const T* before, T* after, T* grad) {
  geluBackward((last - first) * wide, before + first * wide, after + first * wide, grad + first * wide);
}

template <typename T>
void sumRows(int64_t first, int64_t last, int64_t rows, int64_t wide, const T* from, T* sums) {
  for (int64_t i = first; i < last; i++) {
    const T* row = from + i * wide;
    Vector<T> total = Vector<T>{};
    int64_t k = 0;
    for (; k + LANES<T> <= rows; k += LANES<T>) total += load(row + k);
    T sum = sumOf(total)[0];
    for (; k < rows; k++) sum += row[k];
    sums[i] = sum;
  }
}

// What stands before and after the products, for rows `first` to before `last`.
template <typename T>
void leftRows(const Dense<T>& job, int64_t first, int64_t last, T* left, T* normal, T* inverse) {
  leftSide(job, first, last - first, left + first * job.inputs, normal + first * job.inputs, inverse + first);
}
template <typename T>
void finish(const Dense<T>& job, int64_t first, int64_t last, int64_t width, const T* from) {
  finishRows(job, first, last - first, width, from + first * width, job.out);
}
template <typename T>
void branchGradRows(const Dense<T>& job, int64_t first, int64_t last, int64_t width, T* into) {
  branchGrad(job, first, last - first, width, into + first * width);
}
// Of all rows: it adds up gradients.
template <typename T>
void normBackward(const Dense<T>& job, int64_t rows, const T* normal, const T* inverse, T* gradLeft, T* gradWeight,
                  T* gradBias) {
  standardiseBackward(rows, job.inputs, normal, inverse, job.normWeight, gradLeft, gradWeight, gradBias);
}

}  // namespace skyloop::SKYLOOP_VARIANT
