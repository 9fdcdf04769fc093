// Products of tall matrices by weights, with what stands before and after them (normalisation, GELU, residual), chunk
// by chunk of rows in buffers that stay in the second cache. Included for every processor by dense.cc.
#include "kernels.h"

namespace skyloop::SKYLOOP_VARIANT {

// ---- products
// ---------------------------------------------------------------------------------------------------------------------

// A tile of sums: as many as the registers hold beside one row of the right side and one number of the left.
constexpr int TILE = SKYLOOP_BYTES == 64 ? 8 : 4;
template <typename T>
constexpr int64_t PANEL = 3 * LANES<T>;

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

// Elements (k, n) at from[k * down + n * across] of a [depth, columns] matrix, padded columns zero, as panels of PANEL
// columns one after the other, each row by row; the panels `first` to before `last`.
template <typename T>
void pack(int64_t depth, int64_t columns, const T* from, int64_t down, int64_t across, T* into, int64_t first,
          int64_t last) {
  const int64_t wide = padded<T>(columns);
  for (int64_t at = first * PANEL<T>; at < last * PANEL<T> && at < wide; at += PANEL<T>) {
    const int64_t width = wide - at < PANEL<T> ? wide - at : PANEL<T>,
                  real = columns - at < width ? columns - at : width;
    T* panel = into + at * depth;
    if (across == 1) {
      for (int64_t k = 0; k < depth; k++) {
        for (int64_t n = 0; n < real; n++) panel[k * width + n] = from[k * down + at + n];
        for (int64_t n = real; n < width; n++) panel[k * width + n] = 0;
      }
      continue;
    }
    if (down == 1 && real == width && turnPanel(depth, width, from + at * across, across, panel)) continue;
    // Some columns' rows at a time, so that what is written stays near.
    for (int64_t block = 0; block < depth; block += 16) {
      const int64_t end = depth - block < 16 ? depth : block + 16;
      for (int64_t n = 0; n < real; n++)
        for (int64_t k = block; k < end; k++) panel[k * width + n] = from[k * down + (at + n) * across];
      for (int64_t n = real; n < width; n++)
        for (int64_t k = block; k < end; k++) panel[k * width + n] = 0;
    }
  }
}

// How many panels `columns` have.
template <typename T>
int64_t panelsOf(int64_t columns) {
  return (padded<T>(columns) + PANEL<T> - 1) / PANEL<T>;
}

// ROWS x VECTORS vectors of c = start + a b, where start is a row for all or c itself. Element (i, k) of a stands at
// a[i * down + k * across].
template <typename T, int ROWS, int VECTORS, bool ADDS>
INLINE void denseTile(int64_t depth, const T* a, int64_t down, int64_t across, const T* b, int64_t ldb, const T* start,
                      T* c, int64_t ldc) {
  Vector<T> sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++)
      sums[i][v] = ADDS               ? load(c + i * ldc + v * LANES<T>)
                   : start != nullptr ? load(start + v * LANES<T>)
                                      : Vector<T>{};
  for (int64_t k = 0; k < depth; k++) {
    Vector<T> right[VECTORS];
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++) right[v] = load(b + k * ldb + v * LANES<T>);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
      const Vector<T> left = all<T>(a[i * down + k * across]);
#pragma GCC unroll 3
      for (int v = 0; v < VECTORS; v++) sums[i][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++) store(c + i * ldc + v * LANES<T>, sums[i][v]);
}

template <typename T, int VECTORS, bool ADDS>
INLINE void denseStrip(int64_t rows, int64_t depth, const T* a, int64_t down, int64_t across, const T* b, int64_t ldb,
                       const T* start, T* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + TILE <= rows; i += TILE)
    denseTile<T, TILE, VECTORS, ADDS>(depth, a + i * down, down, across, b, ldb, start, c + i * ldc, ldc);
  if (TILE > 4 && i + 4 <= rows) {
    denseTile<T, 4, VECTORS, ADDS>(depth, a + i * down, down, across, b, ldb, start, c + i * ldc, ldc);
    i += 4;
  }
  for (; i < rows; i++)
    denseTile<T, 1, VECTORS, ADDS>(depth, a + i * down, down, across, b, ldb, start, c + i * ldc, ldc);
}

// Panels `first` to before `last` of c [rows, padded columns] = bias + a [rows, depth] by a packed matrix; `bias` has
// padded columns, or is null.
template <typename T>
INLINE void multiplyPanels(int64_t first, int64_t last, int64_t rows, int64_t columns, int64_t depth, const T* a,
                           int64_t lda, const T* packed, const T* bias, T* c) {
  const int64_t wide = padded<T>(columns);
  for (int64_t at = first * PANEL<T>; at < last * PANEL<T> && at < wide; at += PANEL<T>) {
    const T* start = bias == nullptr ? nullptr : bias + at;
    const int64_t width = wide - at < PANEL<T> ? wide - at : PANEL<T>;
    if (width == 3 * LANES<T>)
      denseStrip<T, 3, false>(rows, depth, a, lda, 1, packed + at * depth, width, start, c + at, wide);
    if (width == 2 * LANES<T>)
      denseStrip<T, 2, false>(rows, depth, a, lda, 1, packed + at * depth, width, start, c + at, wide);
    if (width == LANES<T>)
      denseStrip<T, 1, false>(rows, depth, a, lda, 1, packed + at * depth, width, start, c + at, wide);
  }
}
// All of them.
template <typename T>
INLINE void multiply(int64_t rows, int64_t columns, int64_t depth, const T* a, int64_t lda, const T* packed,
                     const T* bias, T* c) {
  multiplyPanels(0, panelsOf<T>(columns), rows, columns, depth, a, lda, packed, bias, c);
}

// c [n, padded m] += p [rows, n] transposed by q [rows, m]; rows of p and q are padded.
template <typename T>
INLINE void addOuter(int64_t rows, int64_t n, int64_t m, const T* p, const T* q, T* c) {
  const int64_t wideN = padded<T>(n), wide = padded<T>(m);
  for (int64_t at = 0; at < wide; at += PANEL<T>) {
    const int64_t width = wide - at < PANEL<T> ? wide - at : PANEL<T>;
    if (width == 3 * LANES<T>) denseStrip<T, 3, true>(n, rows, p, 1, wideN, q + at, wide, nullptr, c + at, wide);
    if (width == 2 * LANES<T>) denseStrip<T, 2, true>(n, rows, p, 1, wideN, q + at, wide, nullptr, c + at, wide);
    if (width == LANES<T>) denseStrip<T, 1, true>(n, rows, p, 1, wideN, q + at, wide, nullptr, c + at, wide);
  }
}

#ifdef SKYLOOP_SHORT_PRODUCTS
#include "short-dense.h"
#endif

#include "dense-rows.h"

// ---- x + scale (norm(x) W^T + b)
// --------------------------------------------------------------------------------------------------

template <typename T>
T factorOf(const Dense<T>& job, int64_t row) {
  return job.scale == nullptr ? T(1) : job.scale[(job.firstRow + row) / job.rowsPerScale];
}

// The left side of the product: rows, standardised and scaled where there is a norm. `normal` and `inverse` are filled
// only then.
template <typename T>
INLINE void leftSide(const Dense<T>& job, int64_t row, int64_t rows, T* left, T* normal, T* inverse) {
  if (job.normWeight == nullptr) return padRows(rows, job.inputs, job.x + row * job.inputs, T(1), left);
  if (padded<T>(job.inputs) == job.inputs)
    return normaliseRows(rows, job.inputs, job.x + row * job.inputs, job.normWeight, job.normBias, job.eps, left,
                         normal, inverse);
  standardiseRows(rows, job.inputs, job.x + row * job.inputs, job.eps, normal, inverse);
  scaleRows(rows, padded<T>(job.inputs), normal, job.normWeight, job.normBias, left);
}

// The same without what gradients need, and where it stands: in x itself if it is as it is there.
template <typename T>
INLINE const T* leftSideAlone(const Dense<T>& job, int64_t row, int64_t rows, T* left, T* normal, T* inverse) {
  const T* x = job.x + row * job.inputs;
  const bool whole = padded<T>(job.inputs) == job.inputs;
  if (whole && job.normWeight == nullptr) return x;
  if (whole)
    normaliseRows<T>(rows, job.inputs, x, job.normWeight, job.normBias, job.eps, left, nullptr, nullptr);
  else
    leftSide(job, row, rows, left, normal, inverse);
  return left;
}

// out = residual + scale * from, or from alone; rows of `from` are padded.
template <typename T>
INLINE void finishRows(const Dense<T>& job, int64_t row, int64_t rows, int64_t width, const T* from, T* out) {
  if (job.residual == nullptr) return unpadRows(rows, width, from, out + row * width);
  const int64_t wide = padded<T>(width);
  for (int64_t i = 0; i < rows; i++) {
    const T factor = factorOf(job, row + i);
    const T* base = job.residual + (row + i) * width;
    T* to = out + (row + i) * width;
    for (int64_t k = 0; k < width; k++) to[k] = base[k] + factor * from[i * wide + k];
  }
}

// The gradient of a branch that was scaled, padded.
template <typename T>
INLINE void branchGrad(const Dense<T>& job, int64_t row, int64_t rows, int64_t width, T* into) {
  for (int64_t i = 0; i < rows; i++)
    padRows(1, width, job.gradOut + (row + i) * width, factorOf(job, row + i), into + i * padded<T>(width));
}

// The same where it stands: in the operator's gradient itself if it is as it is there.
template <typename T>
INLINE const T* branchGradAlone(const Dense<T>& job, int64_t row, int64_t rows, int64_t width, T* into) {
  if (job.scale == nullptr && padded<T>(width) == width) return job.gradOut + row * width;
  branchGrad(job, row, rows, width, into);
  return into;
}

template <typename T>
void denseForward(const Dense<T>& job, int64_t first, int64_t to, T* buffer) {
  const int64_t wideIn = padded<T>(job.inputs), wideOut = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* result = normal + job.chunk * wideIn;
  T* inverse = result + job.chunk * wideOut;
  for (int64_t row = first; row < to; row += job.chunk) {
    const int64_t rows = to - row < job.chunk ? to - row : job.chunk;
    const T* from = leftSideAlone(job, row, rows, left, normal, inverse);
    const bool straight = wideOut == job.outputs && job.residual == nullptr;
    multiply(rows, job.outputs, job.inputs, from, wideIn, job.packed1, job.bias1,
             straight ? job.out + row * job.outputs : result);
    if (!straight) finishRows(job, row, rows, job.outputs, result, job.out);
  }
}

template <typename T>
void denseBackward(const Dense<T>& job, int64_t from, int64_t to, T* buffer, const Sums<T>& sums) {
  const int64_t wideIn = padded<T>(job.inputs), wideOut = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* grad = normal + job.chunk * wideIn;
  T* gradLeft = grad + job.chunk * wideOut;
  T* inverse = gradLeft + job.chunk * wideIn;
  for (int64_t row = from; row < to; row += job.chunk) {
    const int64_t rows = to - row < job.chunk ? to - row : job.chunk;
    // Without a norm, and where rows need no padding, neither x nor its gradient is copied.
    const bool straight = job.normWeight == nullptr && wideIn == job.inputs;
    if (!straight) leftSide(job, row, rows, left, normal, inverse);
    const T* from = straight ? job.x + row * job.inputs : left;
    const T* slopes = branchGradAlone(job, row, rows, job.outputs, grad);
    multiply<T>(rows, job.inputs, job.outputs, slopes, wideOut, job.packed1, nullptr,
                straight ? job.gradX + row * job.inputs : gradLeft);
    addOuter(rows, job.outputs, job.inputs, slopes, from, sums.weight1);
    if (sums.bias1 != nullptr) addColumnSums(rows, wideOut, slopes, sums.bias1);
    if (straight) continue;
    if (job.normWeight != nullptr)
      standardiseBackward(rows, job.inputs, normal, inverse, job.normWeight, gradLeft, sums.normWeight, sums.normBias);
    unpadRows(rows, job.inputs, gradLeft, job.gradX + row * job.inputs);
  }
}

// ---- x + scale (W2 gelu(W1 norm(x) + b1) + b2)
// ------------------------------------------------------------------------------------

template <typename T>
void feedforwardForward(const Dense<T>& job, int64_t first, int64_t to, T* buffer) {
  const int64_t wideIn = padded<T>(job.inputs), wideHidden = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* hidden = normal + job.chunk * wideIn;
  T* inverse = hidden + job.chunk * wideHidden;
  for (int64_t row = first; row < to; row += job.chunk) {
    const int64_t rows = to - row < job.chunk ? to - row : job.chunk;
    const T* from = leftSideAlone(job, row, rows, left, normal, inverse);
    T* before = job.hidden != nullptr && wideHidden == job.outputs ? job.hidden + row * job.outputs : hidden;
    multiply(rows, job.outputs, job.inputs, from, wideIn, job.packed1, job.bias1, before);
    if (job.hidden != nullptr && before == hidden) unpadRows(rows, job.outputs, hidden, job.hidden + row * job.outputs);
    geluRows(rows * wideHidden, before, hidden);
    multiply(rows, job.inputs, job.outputs, hidden, wideHidden, job.packed2, job.bias2, left);
    finishRows(job, row, rows, job.inputs, left, job.out);
  }
}

template <typename T>
void feedforwardBackward(const Dense<T>& job, int64_t from, int64_t to, T* buffer, const Sums<T>& sums) {
  const int64_t wideIn = padded<T>(job.inputs), wideHidden = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* grad = normal + job.chunk * wideIn;
  T* hidden = grad + job.chunk * wideIn;
  T* gradHidden = hidden + job.chunk * wideHidden;
  T* inverse = gradHidden + job.chunk * wideHidden;
  for (int64_t row = from; row < to; row += job.chunk) {
    const int64_t rows = to - row < job.chunk ? to - row : job.chunk;
    branchGrad(job, row, rows, job.inputs, grad);
    multiply<T>(rows, job.outputs, job.inputs, grad, wideIn, job.packed2, nullptr, gradHidden);
    const T* before = job.hidden + row * job.outputs;
    if (wideHidden != job.outputs) {
      padRows(rows, job.outputs, before, T(1), hidden);
      before = hidden;
    }
    geluBackward(rows * wideHidden, before, hidden, gradHidden);
    addOuter(rows, job.inputs, job.outputs, grad, hidden, sums.weight2);
    addColumnSums(rows, wideIn, grad, sums.bias2);
    leftSide(job, row, rows, left, normal, inverse);
    addOuter(rows, job.outputs, job.inputs, gradHidden, left, sums.weight1);
    addColumnSums(rows, wideHidden, gradHidden, sums.bias1);
    multiply<T>(rows, job.inputs, job.outputs, gradHidden, wideHidden, job.packed1, nullptr, left);
    standardiseBackward(rows, job.inputs, normal, inverse, job.normWeight, left, sums.normWeight, sums.normBias);
    // The branch's gradient and that of the residual.
    for (int64_t i = 0; i < rows; i++)
      for (int64_t k = 0; k < job.inputs; k++)
        job.gradX[(row + i) * job.inputs + k] = job.gradOut[(row + i) * job.inputs + k] + left[i * wideIn + k];
  }
}

}  // namespace skyloop::SKYLOOP_VARIANT
