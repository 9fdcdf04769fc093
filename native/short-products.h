// Products whose factors are rounded to bfloat16 and whose sums stay in single precision, for processors that have such products (AVX512-BF16): twice as many a
// cycle. They take the place of single precision's in the variant that dense.h is compiled for with SKYLOOP_SHORT_PRODUCTS; double precision is left as it is.
// Two numbers that follow one another along the depth stand in 32 bits together.

// Memory of this thread for `count` pairs, kept for the next call.
INLINE uint32_t* pairsOf(int64_t which, int64_t count) {
  static thread_local std::vector<uint32_t> held[3];
  if (held[which].size() < size_t(count) + 16) held[which].resize(count + 16);
  return reinterpret_cast<uint32_t*>((reinterpret_cast<uintptr_t>(held[which].data()) + 63) / 64 * 64);
}

// The nearest bfloat16, to even where two are as near; what is no number stays none.
INLINE uint32_t rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// Rows [rows, ld] of which `depth` numbers count, as pairs [rows, pairs]; ld is padded with zeros.
INLINE void pairRows(int64_t rows, int64_t depth, const float* from, int64_t ld, uint32_t* into, int64_t pairs) {
  for (int64_t i = 0; i < rows; i++) {
    uint32_t* row = into + i * pairs;
    int64_t k = 0;
    for (; k + 16 <= ld && k < depth; k += 16) {
      const __m256bh half = _mm512_cvtneps_pbh(_mm512_loadu_ps(from + i * ld + k));
      std::memcpy(row + k / 2, &half, sizeof half);
    }
  }
}

template <>
void pack<float>(int64_t depth, int64_t columns, const float* from, int64_t down, int64_t across, float* into, int64_t first, int64_t last) {
  const int64_t wide = padded<float>(columns), pairs = (depth + 1) / 2;
  for (int64_t at = first * PANEL<float>; at < last * PANEL<float> && at < wide; at += PANEL<float>) {
    const int64_t width = wide - at < PANEL<float> ? wide - at : PANEL<float>, real = columns - at < width ? columns - at : width;
    uint32_t* panel = reinterpret_cast<uint32_t*>(into) + at * pairs;
    const auto one = [&](int64_t k, int64_t n) __attribute__((always_inline)) {
      const uint32_t low = rounded(from[2 * k * down + (at + n) * across]);
      return 2 * k + 1 < depth ? low | rounded(from[(2 * k + 1) * down + (at + n) * across]) << 16 : low;
    };
    for (int64_t block = 0; block < pairs; block += 8) {
      const int64_t end = pairs - block < 8 ? pairs : block + 8;
      if (across == 1) {
        for (int64_t k = block; k < end; k++)
          for (int64_t n = 0; n < real; n++) panel[k * width + n] = one(k, n);
      } else {
        for (int64_t n = 0; n < real; n++)
          for (int64_t k = block; k < end; k++) panel[k * width + n] = one(k, n);
      }
      for (int64_t k = block; k < end; k++)
        for (int64_t n = real; n < width; n++) panel[k * width + n] = 0;
    }
  }
}

template <int ROWS, int VECTORS, bool ADDS>
INLINE void shortTile(int64_t pairs, const uint32_t* a, int64_t lda, const uint32_t* b, int64_t ldb, const float* start, float* c, int64_t ldc) {
  __m512 sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++)
      sums[i][v] = ADDS ? _mm512_loadu_ps(c + i * ldc + v * 16) : start != nullptr ? _mm512_loadu_ps(start + v * 16) : _mm512_setzero_ps();
  for (int64_t k = 0; k < pairs; k++) {
    __m512bh right[VECTORS];
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++) right[v] = (__m512bh)_mm512_loadu_si512(b + k * ldb + v * 16);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
      const __m512bh left = (__m512bh)_mm512_set1_epi32(int(a[i * lda + k]));
#pragma GCC unroll 3
      for (int v = 0; v < VECTORS; v++) sums[i][v] = _mm512_dpbf16_ps(sums[i][v], left, right[v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++) _mm512_storeu_ps(c + i * ldc + v * 16, sums[i][v]);
}

template <int VECTORS, bool ADDS>
INLINE void shortStrip(int64_t rows, int64_t pairs, const uint32_t* a, int64_t lda, const uint32_t* b, int64_t ldb, const float* start, float* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + 8 <= rows; i += 8) shortTile<8, VECTORS, ADDS>(pairs, a + i * lda, lda, b, ldb, start, c + i * ldc, ldc);
  for (; i < rows; i++) shortTile<1, VECTORS, ADDS>(pairs, a + i * lda, lda, b, ldb, start, c + i * ldc, ldc);
}

// c [rows, wide] = start + a b, or c + a b, of pairs: a [rows, lda], b as `pack` leaves it.
template <bool ADDS>
INLINE void shortProduct(int64_t rows, int64_t wide, int64_t pairs, const uint32_t* a, int64_t lda, const uint32_t* b, const float* bias, float* c) {
  for (int64_t at = 0; at < wide; at += PANEL<float>) {
    const float* start = bias == nullptr ? nullptr : bias + at;
    const int64_t width = wide - at < PANEL<float> ? wide - at : PANEL<float>;
    if (width == 48) shortStrip<3, ADDS>(rows, pairs, a, lda, b + at * pairs, width, start, c + at, wide);
    if (width == 32) shortStrip<2, ADDS>(rows, pairs, a, lda, b + at * pairs, width, start, c + at, wide);
    if (width == 16) shortStrip<1, ADDS>(rows, pairs, a, lda, b + at * pairs, width, start, c + at, wide);
  }
}

template <>
INLINE void multiply<float>(int64_t rows, int64_t columns, int64_t depth, const float* a, int64_t lda, const float* packed, const float* bias, float* c) {
  const int64_t pairs = (depth + 1) / 2, held = (pairs + 7) / 8 * 8;
  uint32_t* left = pairsOf(0, rows * held);
  pairRows(rows, depth, a, lda, left, held);
  shortProduct<false>(rows, padded<float>(columns), pairs, left, held, reinterpret_cast<const uint32_t*>(packed), bias, c);
}

template <>
INLINE void addOuter<float>(int64_t rows, int64_t n, int64_t m, const float* p, const float* q, float* c) {
  const int64_t wideN = padded<float>(n), wide = padded<float>(m), pairs = (rows + 1) / 2;
  uint32_t* left = pairsOf(1, n * pairs);
  // p transposed: numbers of two rows together, some columns at a time.
  for (int64_t block = 0; block < n; block += 16) {
    const int64_t end = n - block < 16 ? n : block + 16;
    for (int64_t k = 0; k < pairs; k++) {
      const float *one = p + 2 * k * wideN, *two = one + wideN;
      const bool both = 2 * k + 1 < rows;
      for (int64_t i = block; i < end; i++) left[i * pairs + k] = rounded(one[i]) | (both ? rounded(two[i]) << 16 : 0);
    }
  }
  uint32_t* right = pairsOf(2, wide * pairs);
  pack<float>(rows, wide, q, wide, 1, reinterpret_cast<float*>(right), 0, (wide + PANEL<float> - 1) / PANEL<float>);
  shortProduct<true>(n, wide, pairs, left, pairs, right, nullptr, c);
}
