// What our own kernels work on, and where they are found: one table of them for each processor, of which `kernels`
// gives the best. The tables are compiled without libtorch's headers, each in a file of its own (plain.cc to bf16.cc).
#pragma once
#include <cstdint>

#include "variants.h"

namespace skyloop {

// The next multiple of 64 bytes: what rows of buffers are padded to, whatever the processor.
template <typename T>
constexpr int64_t padded(int64_t count) {
  constexpr int64_t line = 64 / int64_t(sizeof(T));
  return (count + line - 1) / line * line;
}

// From `first` to before `last`.
struct Range {
  int64_t first, last;
  int64_t count() const { return last - first; }
};

// Of a product c [rows, columns] = a [rows, depth] b [depth, columns].
struct Size {
  int64_t rows, columns, depth;
};

// A matrix whose element (i, k) stands at at[i * down + k * across].
template <typename T>
struct Strided {
  const T* at;
  int64_t down, across;
  Strided from(int64_t row) const { return {at + row * down, down, across}; }
};

// Rows that begin `apart` after one another.
template <typename T>
struct Lines {
  T* at;
  int64_t apart;
  Lines from(int64_t row) const { return {at + row * apart, apart}; }
  Lines column(int64_t k) const { return {at + k, apart}; }
};

// One operator's work on dense layers. Rows of x, residual and out are as they lie in tensors; weights and biases are
// padded.
template <typename T>
struct Dense {
  int64_t inputs, outputs;  // of the first product; the feed-forward's second one goes back
  int64_t chunk;            // rows at a time
  const T* x;
  const T* normWeight;  // null: no normalisation
  const T* normBias;
  T eps;
  const T* packed1;
  const T* bias1;
  const T* packed2;
  const T* bias2;
  const T* residual;  // null: nothing is added
  const T* scale;     // of each sample, or null
  int64_t rowsPerScale;
  int64_t firstRow;  // of all that `scale` is for, the row that x begins with
  T* out;
  T* hidden;  // the feed-forward's values before GELU, or null
  const T* gradOut;
  T* gradX;
};

// Where one thread adds up gradients of parameters; rows are padded.
template <typename T>
struct Sums {
  T *weight1, *bias1, *weight2, *bias2, *normWeight, *normBias;
};

// c [rows, padded columns] = bias (padded, or null) + a [rows, depth], whose rows are `lda` apart, by a packed matrix.
template <typename T>
struct PackedProduct {
  Size size;
  const T* a;
  int64_t lda;
  const T* packed;
  const T* bias;
  T* c;
};

// c [n, wide] = bias [n] (or null) + a [n, depth] b [depth, wide]; wide is padded.
template <typename T>
struct RowsProduct {
  int64_t depth;
  Strided<T> a;
  const T* b;
  int64_t wide;
  const T* bias;
  T* c;
};

// Where things stand for one window and head of attention. A row is a position of the window.
template <typename T>
struct Place {
  const int64_t* rows;  // [N]: the map's position of each of the window's
  // Positions, numbers of a head, of all heads; the map's rows are 3 C (queries, keys, values) or C apart.
  int64_t N, d, C;
  const T* qkv;   // the head's first query in the image
  const T* bias;  // [N, padded N], of the head; padding is -1e30
  const T* mask;  // [N, padded N], of the window, or null
  T scale;
  const int64_t* nextRows;  // the same of what this thread does next, to be fetched meanwhile; null at the end
  const T* nextQkv;
};

// Numbers of the buffer that attention needs.
template <typename T>
constexpr int64_t attentionNumbers(int64_t N, int64_t d) {
  return 2 * N * padded<T>(N) + 2 * padded<T>(d) * padded<T>(N) + 5 * N * padded<T>(d);
}

// A place of a map and what its numbers count.
template <typename T>
struct Tap {
  int64_t place;
  T weight;
};

template <typename T>
struct AdamStep {
  T learningRate, beta1, rest1, beta2, rest2, eps, correction1, correction2;
  bool decoupled;
};

// One processor's kernels.
template <typename T>
struct Kernels {
  int64_t panel;  // columns of one panel of a packed matrix

  // Some panels of a [depth, columns] matrix.
  void (*pack)(Range panels, int64_t depth, int64_t columns, Strided<T> from, T* into);
  // dense.inc.h: rows of a layer, and of its gradients, which are added to `sums`.
  void (*denseForward)(const Dense<T>& job, Range rows, T* buffer);
  void (*denseBackward)(const Dense<T>& job, Range rows, T* buffer, const Sums<T>& sums);
  void (*feedforwardForward)(const Dense<T>& job, Range rows, T* buffer);
  void (*feedforwardBackward)(const Dense<T>& job, Range rows, T* buffer, const Sums<T>& sums);

  // few-rows.inc.h
  void (*rowsTimes)(Range rows, const RowsProduct<T>& product);
  void (*gradRowsTimes)(Range rows, const RowsProduct<T>& product);
  int64_t (*rightNumbers)(int64_t depth, int64_t wide);
  void (*arrangeRight)(Range panels, int64_t depth, int64_t wide, const T* from, T* into);
  void (*panelsTimes)(Range panels, const PackedProduct<T>& product);
  void (*activatePanels)(Range panels, int64_t rows, int64_t columns, T* c);
  void (*transposeInto)(Range range, int64_t rows, int64_t columns, const T* from, Lines<T> to);
  void (*transposeBack)(Range range, int64_t rows, int64_t columns, Lines<const T> from, T* to);
  void (*activate)(Range rows, int64_t wide, const T* before, T* after);
  void (*activateBackward)(Range rows, int64_t wide, const T* before, T* after, T* grad);
  void (*sumRows)(Range range, int64_t rows, int64_t wide, const T* from, T* sums);
  void (*leftRows)(const Dense<T>& job, Range rows, T* left, T* normal, T* inverse);
  void (*finish)(const Dense<T>& job, Range rows, int64_t width, const T* from);
  void (*branchGradRows)(const Dense<T>& job, Range rows, int64_t width, T* into);
  void (*normBackward)(const Dense<T>& job, int64_t rows, const T* normal, const T* inverse, T* gradLeft, T* gradWeight,
                       T* gradBias);

  // attention.inc.h
  void (*attend)(const Place<T>& at, T* out, T* buffer);
  void (*attendBackward)(const Place<T>& at, const T* gradOut, T* gradQkv, T* gradBias, T* buffer);

  // adam.inc.h
  void (*adamRun)(const AdamStep<T>& by, T decay, int64_t count, T* parameter, const T* grad, T* mean, T* square);

  // regions.inc.h
  void (*gatherTaps)(const Tap<T>* taps, int64_t count, int64_t channels, const T* from, T* to);
  void (*scatterTaps)(const Tap<T>* taps, int64_t count, Range range, int64_t channels, const T* grad, T* to);

  int64_t panelsOf(int64_t columns) const { return (padded<T>(columns) + panel - 1) / panel; }
};

namespace plain {
extern const Kernels<float> FLOATS;
extern const Kernels<double> DOUBLES;
}  // namespace plain
#ifdef SKYLOOP_X86_VARIANTS
namespace avx2 {
extern const Kernels<float> FLOATS;
extern const Kernels<double> DOUBLES;
}  // namespace avx2
namespace avx512 {
extern const Kernels<float> FLOATS;
}
namespace bf16 {
extern const Kernels<float> FLOATS;
}
#endif

// The best kernels for this processor; those with products in bfloat16 where these are asked for.
template <typename T>
const Kernels<T>& kernels();

template <>
inline const Kernels<float>& kernels<float>() {
#ifdef SKYLOOP_X86_VARIANTS
  if (shortProducts()) return bf16::FLOATS;
  if (processor() == Processor::avx512) return avx512::FLOATS;
  if (processor() == Processor::avx2) return avx2::FLOATS;
#endif
  return plain::FLOATS;
}

// Double precision is for checking gradients: AVX2's serve the larger processors too.
template <>
inline const Kernels<double>& kernels<double>() {
#ifdef SKYLOOP_X86_VARIANTS
  if (processor() != Processor::plain) return avx2::DOUBLES;
#endif
  return plain::DOUBLES;
}

}  // namespace skyloop
