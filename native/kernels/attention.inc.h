// One window and head of windowed attention (Liu et al. 2021, "Swin Transformer", equation 4), forward and backward, in
// buffers that stay in the processor's first cache.

// One third of the head (0 queries, 1 keys, 2 values) into [N, padded d], the padding zero.
template <typename T>
INLINE void gatherRows(const Place<T>& at, const T* base, int64_t stride, T* into) {
  const int64_t wide = padded<T>(at.d);
  if (at.d == wide) {
    for (int64_t i = 0; i < at.N; i++)
      for (int64_t k = 0; k < wide; k += LANES<T>) store(into + i * wide + k, load(base + at.rows[i] * stride + k));
    return;
  }
  for (int64_t i = 0; i < at.N; i++) {
    const T* from = base + at.rows[i] * stride;
    for (int64_t k = 0; k < at.d; k++) into[i * wide + k] = from[k];
    for (int64_t k = at.d; k < wide; k++) into[i * wide + k] = 0;
  }
}

// Rows [N, padded d] transposed and times factor: [d, padded N], the padding zero.
template <typename T>
INLINE void transposeRows(const Place<T>& at, const T* from, T factor, T* into) {
  const int64_t wideN = padded<T>(at.N), wideD = padded<T>(at.d);
  for (int64_t k = 0; k < at.d; k++) {
    T* row = into + k * wideN;
    int64_t i = 0;
    for (; i + 4 <= at.N; i += 4) {
      const T* four = from + i * wideD + k;
      row[i] = four[0] * factor;
      row[i + 1] = four[wideD] * factor;
      row[i + 2] = four[2 * wideD] * factor;
      row[i + 3] = four[3 * wideD] * factor;
    }
    for (; i < at.N; i++) row[i] = from[i * wideD + k] * factor;
    for (; i < wideN; i++) row[i] = 0;
  }
}

// Rows of [N, padded d], times factor, back to their places.
template <typename T>
INLINE void scatterRows(const Place<T>& at, const T* from, T factor, T* base, int64_t stride) {
  const int64_t wide = padded<T>(at.d);
  if (at.d == wide) {
    for (int64_t i = 0; i < at.N; i++)
      for (int64_t k = 0; k < wide; k += LANES<T>)
        store(base + at.rows[i] * stride + k, load(from + i * wide + k) * factor);
    return;
  }
  for (int64_t i = 0; i < at.N; i++) {
    T* to = base + at.rows[i] * stride;
    for (int64_t k = 0; k < at.d; k++) to[k] = from[i * wide + k] * factor;
  }
}

// Products [N, padded N] to weights: plus bias and mask, exponents over their sum.
template <typename T>
INLINE void softmaxRows(const Place<T>& at, T* products) {
  const int64_t wide = padded<T>(at.N);
  for (int64_t i = 0; i < at.N; i++) {
    T* row = products + i * wide;
    Vector<T> largest = all<T>(T(-1e30));
    for (int64_t j = 0; j < wide; j += LANES<T>) {
      Vector<T> value = load(row + j) + load(at.bias + i * wide + j);
      if (at.mask != nullptr) value += load(at.mask + i * wide + j);
      store(row + j, value);
      largest = larger(value, largest);
    }
    const Vector<T> shift = largestOf(largest);
    Vector<T> total = Vector<T>{};
    for (int64_t j = 0; j < wide; j += LANES<T>) {
      const Vector<T> value = expOfNegative(load(row + j) - shift);
      store(row + j, value);
      total += value;
    }
    const Vector<T> inverse = T(1) / sumOf(total);
    for (int64_t j = 0; j < wide; j += LANES<T>) store(row + j, load(row + j) * inverse);
  }
}

// `slopes`, the gradient of the weights [N, padded N], becomes that of the products before softmax, which is added to
// that of the bias.
template <typename T>
INLINE void softmaxBackward(int64_t N, int64_t wideN, const T* weights, T* slopes, T* gradBias) {
  for (int64_t i = 0; i < N; i++) {
    const T* weight = weights + i * wideN;
    T* slope = slopes + i * wideN;
    Vector<T> total = Vector<T>{};
    for (int64_t j = 0; j < wideN; j += LANES<T>) total += load(weight + j) * load(slope + j);
    const Vector<T> mean = sumOf(total);
    for (int64_t j = 0; j < wideN; j += LANES<T>) {
      const Vector<T> value = load(weight + j) * (load(slope + j) - mean);
      store(slope + j, value);
      store(gradBias + i * wideN + j, load(gradBias + i * wideN + j) + value);
    }
  }
}

// Asks for the queries, keys and values that come next: they lie too far apart for the processor to guess.
template <typename T>
INLINE void fetchNext(const Place<T>& at) {
  if (at.nextRows == nullptr) return;
  for (int64_t i = 0; i < at.N; i++) {
    const T* row = at.nextQkv + at.nextRows[i] * 3 * at.C;
    __builtin_prefetch(row, 0, 2);
    __builtin_prefetch(row + at.C, 0, 2);
    __builtin_prefetch(row + 2 * at.C, 0, 2);
  }
}

// `out` points at the head's first number of the image; its rows are C apart.
template <typename T>
void attendInTurn(const Place<T>& at, T* out, T* buffer) {
  const int64_t N = at.N, d = at.d, wideN = padded<T>(N), wideD = padded<T>(d), stride = 3 * at.C;
  T* weights = buffer;
  T* keys = weights + N * wideN;
  T* values = keys + d * wideN;
  T* mixed = values + N * wideD;
  T* queries = mixed + N * wideD;
  gatherRows(at, at.qkv + at.C, stride, mixed);
  transposeRows(at, mixed, at.scale, keys);
  gatherRows(at, at.qkv + 2 * at.C, stride, values);
  gatherRows(at, at.qkv, stride, queries);
  fetchNext(at);
  product<T>({N, wideN, d}, {queries, wideD, 1}, {keys, wideN}, {weights, wideN});
  softmaxRows(at, weights);
  product<T>({N, wideD, N}, {weights, wideN, 1}, {values, wideD}, {mixed, wideD});
  scatterRows(at, mixed, T(1), out, at.C);
}

// From the gradient of the output (rows C apart) to that of qkv (rows 3 C apart), and added to that of the bias [N,
// padded N]. The weights are computed once more: keeping them would take N / d times the memory of the queries.
template <typename T>
void attendBackwardInTurn(const Place<T>& at, const T* gradOut, T* gradQkv, T* gradBias, T* buffer) {
  const int64_t N = at.N, d = at.d, wideN = padded<T>(N), wideD = padded<T>(d), stride = 3 * at.C;
  T* weights = buffer;
  T* slopes = weights + N * wideN;
  T* keys = slopes + N * wideN;
  T* values = keys + d * wideN;
  T* keyRows = values + d * wideN;
  T* queryRows = keyRows + N * wideD;
  T* grad = queryRows + N * wideD;
  T* result = grad + N * wideD;
  gatherRows(at, at.qkv, stride, queryRows);
  gatherRows(at, at.qkv + at.C, stride, keyRows);
  transposeRows(at, keyRows, at.scale, keys);
  gatherRows(at, at.qkv + 2 * at.C, stride, result);
  transposeRows(at, result, T(1), values);
  gatherRows(at, gradOut, at.C, grad);

  fetchNext(at);
  product<T>({N, wideN, d}, {queryRows, wideD, 1}, {keys, wideN}, {weights, wideN});
  softmaxRows(at, weights);
  product<T>({N, wideD, N}, {weights, 1, wideN}, {grad, wideD}, {result, wideD});
  scatterRows(at, result, T(1), gradQkv + 2 * at.C, stride);

  product<T>({N, wideN, d}, {grad, wideD, 1}, {values, wideN}, {slopes, wideN});
  softmaxBackward(N, wideN, weights, slopes, gradBias);
  product<T>({N, wideD, N}, {slopes, wideN, 1}, {keyRows, wideD}, {result, wideD});
  scatterRows(at, result, at.scale, gradQkv, stride);
  product<T>({N, wideD, N}, {slopes, 1, wideN}, {queryRows, wideD}, {result, wideD});
  scatterRows(at, result, at.scale, gradQkv + at.C, stride);
}

#if SKYLOOP_BYTES == 64
#include "wide-attention.inc.h"
#endif
#ifdef SKYLOOP_SHORT_PRODUCTS
#include "short-attention.inc.h"
#endif

// By the kernels that suit this processor and precision best.
template <typename T>
void attend(const Place<T>& at, T* out, T* buffer) {
  attendInTurn(at, out, buffer);
}
template <typename T>
void attendBackward(const Place<T>& at, const T* gradOut, T* gradQkv, T* gradBias, T* buffer) {
  attendBackwardInTurn(at, gradOut, gradQkv, gradBias, buffer);
}
#if SKYLOOP_BYTES == 64
template <>
void attend<float>(const Place<float>& at, float* out, float* buffer) {
  if (!attendWide(at, out, buffer)) attendInTurn(at, out, buffer);
}
template <>
void attendBackward<float>(const Place<float>& at, const float* gradOut, float* gradQkv, float* gradBias,
                           float* buffer) {
#ifdef SKYLOOP_SHORT_PRODUCTS
  // Short factors pay where heads are long; forward they are no faster than what stays in registers.
  if (at.d >= 32) return attendBackwardShort(at, gradOut, gradQkv, gradBias, buffer);
#endif
  if (!attendBackwardWide(at, gradOut, gradQkv, gradBias, buffer))
    attendBackwardInTurn(at, gradOut, gradQkv, gradBias, buffer);
}
#endif
