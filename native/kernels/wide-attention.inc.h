// One window and head of attention for vectors of sixteen numbers: products, bias, mask and softmax of some rows stay
// in registers, and only their weights are written. For windows of up to 16 or of 49 to 64 positions; attention.h has
// kernels for all others.

// Which of sixteen numbers there are where `left` are to come.
INLINE __mmask16 present(int64_t left) { return left >= 16 ? 0xffff : (1 << left) - 1; }

// Rows [N, d] that are `apart` apart into [N, padded d], the padding zero.
INLINE void copyRows(const Place<float>& at, const float* base, int64_t apart, float* into) {
  const int64_t wide = padded<float>(at.d);
  for (int64_t k = 0; k < wide; k += 16) {
    const __mmask16 there = present(at.d - k);
    for (int64_t i = 0; i < at.N; i++)
      store(into + i * wide + k, _mm512_maskz_loadu_ps(there, base + at.rows[i] * apart + k));
  }
}

// The same, times factor, as columns: [padded d, padded N].
INLINE void turnRows(const Place<float>& at, const float* base, int64_t apart, float factor, float* into) {
  const int64_t wideN = padded<float>(at.N);
  for (int64_t i = 0; i < wideN; i += 16)
    for (int64_t k = 0; k < at.d; k += 16) {
      const __mmask16 there = present(at.d - k);
      Vector<float> v[16];
#pragma GCC unroll 16
      for (int n = 0; n < 16; n++)
        v[n] =
            i + n < at.N ? _mm512_maskz_loadu_ps(there, base + at.rows[i + n] * apart + k) * factor : Vector<float>{};
      storeTransposed(v, into + k * wideN + i, wideN);
    }
}

// sums += rows of `left`, d numbers each, by right [d, 16 VECTORS].
template <int ROWS, int VECTORS>
INLINE void addRowProducts(int64_t d, const float* const* left, const float* right,
                           Vector<float> (&sums)[ROWS][VECTORS]) {
  addProducts<float, ROWS, VECTORS>(
      d, [&](int i, int64_t k) __attribute__((always_inline)) { return left[i][k]; }, {right, VECTORS * 16}, sums);
}

// Weights of ROWS positions over all of the window, before they are divided by their sums: [ROWS, padded N]; and one
// over the sums. `keys` are turned, and times scale and log2(e).
template <int ROWS, int VECTORS>
INLINE void weightRows(const Place<float>& at, int64_t first, const float* keys, float* weights, float* inverse) {
  constexpr int64_t wide = 16 * VECTORS;
  Vector<float> sums[ROWS][VECTORS];
  const float* queries[ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++) {
    queries[i] = at.qkv + at.rows[first + i] * 3 * at.C;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      const int64_t place = (first + i) * wide + v * 16;
      sums[i][v] =
          (at.mask == nullptr ? load(at.bias + place) : load(at.bias + place) + load(at.mask + place)) * LOG2_E;
    }
  }
  addRowProducts<ROWS, VECTORS>(at.d, queries, keys, sums);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++) {
    Vector<float> largest = sums[i][0], total = Vector<float>{};
#pragma GCC unroll 4
    for (int v = 1; v < VECTORS; v++) largest = larger(sums[i][v], largest);
    largest = largestOf(largest);
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      const Vector<float> value = powerOfTwo(sums[i][v] - largest);
      store(weights + i * wide + v * 16, value);
      total += value;
    }
    inverse[i] = 1.0f / sumOf(total)[0];
  }
}

// ROWS rows of a [ROWS, N] by 16 VECTORS columns of right [N, padded d], from column `k` on, row i times factors[i], to
// where position first + i stands in `to`.
template <int ROWS, int VECTORS>
INLINE void mixColumns(const Place<float>& at, int64_t first, int64_t k, Strided<float> a, const float* right,
                       const float* factors, Lines<float> to) {
  Vector<float> sums[ROWS][VECTORS] = {};
  addProducts<float, ROWS, VECTORS>(
      at.N, [&](int i, int64_t n) __attribute__((always_inline)) { return a.at[i * a.down + n * a.across]; },
      {right + k, padded<float>(at.d)}, sums);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++)
      _mm512_mask_storeu_ps(to.at + at.rows[first + i] * to.apart + k + v * 16, present(at.d - k - v * 16),
                            sums[i][v] * factors[i]);
}
template <int ROWS>
INLINE void mixRows(const Place<float>& at, int64_t first, Strided<float> a, const float* right, const float* factors,
                    Lines<float> to) {
  int64_t k = 0;
  for (; k + 16 < at.d; k += 32) mixColumns<ROWS, 2>(at, first, k, a, right, factors, to);
  if (k < at.d) mixColumns<ROWS, 1>(at, first, k, a, right, factors, to);
}

// body(rows, first position) with whole eights first.
template <typename Body>
INLINE void inEights(int64_t N, Body body) {
  int64_t i = 0;
  for (; i + 8 <= N; i += 8) body(std::integral_constant<int, 8>{}, i);
  for (; i < N; i++) body(std::integral_constant<int, 1>{}, i);
}

// As many rows at a time as registers hold.
template <int ROWS, int VECTORS>
INLINE void weightRowsInParts(const Place<float>& at, int64_t first, const float* keys, float* weights,
                              float* inverse) {
  constexpr int PART = ROWS == 8 && VECTORS > 2 ? 4 : ROWS;
  for (int i = 0; i < ROWS; i += PART)
    weightRows<PART, VECTORS>(at, first + i, keys, weights + i * 16 * VECTORS, inverse + i);
}

template <int VECTORS>
void attendVectors(const Place<float>& at, float* out, float* buffer) {
  const int64_t stride = 3 * at.C;
  float* keys = buffer;
  float* values = keys + padded<float>(at.d) * 16 * VECTORS;
  float* weights = values + at.N * padded<float>(at.d);
  turnRows(at, at.qkv + at.C, stride, at.scale * LOG2_E, keys);
  copyRows(at, at.qkv + 2 * at.C, stride, values);
  fetchNext(at);
  inEights(
      at.N, [&](auto rows, int64_t first) __attribute__((always_inline)) {
        constexpr int ROWS = decltype(rows)::value;
        float inverse[ROWS];
        weightRowsInParts<ROWS, VECTORS>(at, first, keys, weights, inverse);
        mixRows<ROWS>(at, first, {weights, 16 * VECTORS, 1}, values, inverse, {out, at.C});
      });
}

// The gradient of ROWS rows of products before softmax, from weights [ROWS, padded N] (divided by their sums) and the
// gradients of what was mixed; added to that of the bias.
template <int ROWS, int VECTORS>
INLINE void slopeRows(const Place<float>& at, const float* const* grads, const float* values, const float* weights,
                      float* slopes, float* gradBias) {
  constexpr int64_t wide = 16 * VECTORS;
  Vector<float> sums[ROWS][VECTORS] = {};
  addRowProducts<ROWS, VECTORS>(at.d, grads, values, sums);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++) {
    Vector<float> total = Vector<float>{};
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) total += load(weights + i * wide + v * 16) * sums[i][v];
    total = sumOf(total);
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      const int64_t place = i * wide + v * 16;
      const Vector<float> slope = load(weights + place) * (sums[i][v] - total);
      store(slopes + place, slope);
      store(gradBias + place, load(gradBias + place) + slope);
    }
  }
}

template <int VECTORS>
void attendVectorsBackward(const Place<float>& at, const float* gradOut, float* gradQkv, float* gradBias,
                           float* buffer) {
  constexpr int64_t wideN = 16 * VECTORS;
  const int64_t stride = 3 * at.C, N = at.N, wideD = padded<float>(at.d);
  float* weights = buffer;
  float* slopes = weights + N * wideN;
  float* turned = slopes + N * wideN;
  float* keys = turned + wideD * wideN;
  float* queries = keys + N * wideD;
  float* grads = queries + N * wideD;
  float* turnedValues = grads + N * wideD;
  turnRows(at, at.qkv + at.C, stride, at.scale * LOG2_E, turned);
  turnRows(at, at.qkv + 2 * at.C, stride, 1.0f, turnedValues);
  copyRows(at, at.qkv + at.C, stride, keys);
  copyRows(at, at.qkv, stride, queries);
  copyRows(at, gradOut, at.C, grads);
  fetchNext(at);
  float scales[8], ones[8];
  for (int i = 0; i < 8; i++) scales[i] = at.scale, ones[i] = 1.0f;
  inEights(
      N, [&](auto rows, int64_t first) __attribute__((always_inline)) {
        constexpr int ROWS = decltype(rows)::value, PART = ROWS == 8 && VECTORS > 2 ? 4 : ROWS;
        float inverse[ROWS];
        float* mine = weights + first * wideN;
        weightRowsInParts<ROWS, VECTORS>(at, first, turned, mine, inverse);
        for (int i = 0; i < ROWS; i++)
          for (int v = 0; v < VECTORS; v++)
            store(mine + i * wideN + v * 16, load(mine + i * wideN + v * 16) * inverse[i]);
        for (int i = 0; i < ROWS; i += PART) {
          const float* parts[PART];
          for (int n = 0; n < PART; n++) parts[n] = grads + (first + i + n) * wideD;
          const int64_t place = (first + i) * wideN;
          slopeRows<PART, VECTORS>(at, parts, turnedValues, weights + place, slopes + place, gradBias + place);
        }
        mixRows<ROWS>(at, first, {slopes + first * wideN, wideN, 1}, keys, scales, {gradQkv, stride});
      });
  inEights(
      N, [&](auto rows, int64_t first) __attribute__((always_inline)) {
        constexpr int ROWS = decltype(rows)::value;
        mixRows<ROWS>(at, first, {slopes + first, 1, wideN}, queries, scales, {gradQkv + at.C, stride});
        mixRows<ROWS>(at, first, {weights + first, 1, wideN}, grads, ones, {gradQkv + 2 * at.C, stride});
      });
}

// Calls body with the number of vectors that N positions are; false where there is no kernel for it.
template <typename Body>
INLINE bool withVectors(int64_t N, Body body) {
  const int64_t vectors = padded<float>(N) / 16;
  if (vectors == 1) return body(std::integral_constant<int, 1>{}), true;
  if (vectors == 4) return body(std::integral_constant<int, 4>{}), true;
  return false;
}
// False, and nothing done, for windows of other sizes.
INLINE bool attendWide(const Place<float>& at, float* out, float* buffer) {
  return withVectors(at.N, [&](auto vectors) { attendVectors<decltype(vectors)::value>(at, out, buffer); });
}
INLINE bool attendBackwardWide(const Place<float>& at, const float* gradOut, float* gradQkv, float* gradBias,
                               float* buffer) {
  return withVectors(at.N, [&](auto vectors) {
    attendVectorsBackward<decltype(vectors)::value>(at, gradOut, gradQkv, gradBias, buffer);
  });
}
