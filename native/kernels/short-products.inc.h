// Products whose factors are rounded to bfloat16 and whose sums stay in single precision, for processors that have such
// products (AVX512-BF16): twice as many a cycle. Kernels that are compiled with SKYLOOP_SHORT_PRODUCTS have them in
// place of single precision's; double precision is left as it is. Two numbers that follow one another along the depth
// stand in 32 bits together.

// Memory of this thread for `count` pairs, kept for the next call.
INLINE uint32_t* pairsOf(int64_t which, int64_t count) {
  static thread_local std::vector<uint32_t> held[6];
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

// Sixteen numbers of one row and of the next as pairs.
INLINE void joinRows(const float* low, const float* high, uint32_t* into) {
  static const __m512i turns = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
                                                6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512 second = high == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(high);
  _mm512_storeu_si512(into,
                      _mm512_permutexvar_epi16(turns, (__m512i)_mm512_cvtne2ps_pbh(second, _mm512_loadu_ps(low))));
}

// Columns `first` to before `last`, whole sixteens, of rows that are `wide` apart, as pairs of two rows: into[(k / 2) *
// apart + column - first].
INLINE void pairColumns(int64_t depth, const float* from, int64_t wide, int64_t first, int64_t last, uint32_t* into,
                        int64_t apart) {
  for (int64_t k = 0; k < depth; k += 2) {
    const float* row = from + k * wide;
    for (int64_t n = first; n < last; n += 16)
      joinRows(row + n, k + 1 < depth ? row + wide + n : nullptr, into + k / 2 * apart + n - first);
  }
}

// Columns [depth, n] as eights of rows of pairs.
INLINE void pairEights(int64_t depth, const float* from, int64_t wide, int64_t first, int64_t last, uint32_t* into) {
  const int64_t pairs = (depth + 1) / 2;
  for (int64_t n = first; n < last; n += 16) {
    uint32_t sixteen[16];
    for (int64_t k = 0; k < pairs; k++) {
      const float* row = from + 2 * k * wide + n;
      joinRows(row, 2 * k + 1 < depth ? row + wide : nullptr, sixteen);
      std::memcpy(into + (n - first) * pairs + k * 8, sixteen, 32);
      std::memcpy(into + (n - first + 8) * pairs + k * 8, sixteen + 8, 32);
    }
  }
}

// Sixteen rows of sixteen pairs, transposed: the first `count` of the result, `apart` from one another.
INLINE void transposeSixteen(const __m512i* rows, int64_t count, uint32_t* into, int64_t apart) {
  __m512i twos[16], fours[16], eights[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    twos[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    twos[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    fours[i] = _mm512_unpacklo_epi64(twos[i], twos[i + 2]);
    fours[i + 1] = _mm512_unpackhi_epi64(twos[i], twos[i + 2]);
    fours[i + 2] = _mm512_unpacklo_epi64(twos[i + 1], twos[i + 3]);
    fours[i + 3] = _mm512_unpackhi_epi64(twos[i + 1], twos[i + 3]);
  }
  // fours[4 g + c] holds columns c, 4 + c, 8 + c, 12 + c of rows 4 g to 4 g + 3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {
    eights[c] = _mm512_shuffle_i32x4(fours[c], fours[4 + c], 0x88);
    eights[4 + c] = _mm512_shuffle_i32x4(fours[c], fours[4 + c], 0xdd);
    eights[8 + c] = _mm512_shuffle_i32x4(fours[8 + c], fours[12 + c], 0x88);
    eights[12 + c] = _mm512_shuffle_i32x4(fours[8 + c], fours[12 + c], 0xdd);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {
    if (c < count) _mm512_storeu_si512(into + c * apart, _mm512_shuffle_i32x4(eights[c], eights[8 + c], 0x88));
    if (4 + c < count)
      _mm512_storeu_si512(into + (4 + c) * apart, _mm512_shuffle_i32x4(eights[4 + c], eights[12 + c], 0x88));
    if (8 + c < count)
      _mm512_storeu_si512(into + (8 + c) * apart, _mm512_shuffle_i32x4(eights[c], eights[8 + c], 0xdd));
    if (12 + c < count)
      _mm512_storeu_si512(into + (12 + c) * apart, _mm512_shuffle_i32x4(eights[4 + c], eights[12 + c], 0xdd));
  }
}

// Sixteen rows of `depth` numbers, `apart` from one another, as pairs along the depth, transposed: into[(k / 2) * wide
// + row].
INLINE void pairSixteenRows(int64_t depth, const float* from, int64_t apart, uint32_t* into, int64_t wide) {
  const auto firstOf = [](int64_t count) __attribute__((always_inline)) {
    return __mmask16(count >= 16 ? 0xffff : count <= 0 ? 0 : (1 << count) - 1);
  };
  for (int64_t k = 0; k < depth; k += 32) {
    const __mmask16 low = firstOf(depth - k), high = firstOf(depth - k - 16);
    __m512i rows[16];
#pragma GCC unroll 16
    for (int n = 0; n < 16; n++) {
      const float* row = from + n * apart + k;
      rows[n] = (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, row + 16), _mm512_maskz_loadu_ps(low, row));
    }
    transposeSixteen(rows, (depth - k + 1) / 2, into + k / 2 * wide, wide);
  }
}

// The left side of a product: rows that begin `apart` after one another, or eights of rows that begin 8 * apart after
// one another; the numbers of a pair's row stand `down` and those of a row `across` apart.
struct ShortLeft {
  const uint32_t* at;
  int64_t apart, down, across;
  const uint32_t* row(int64_t i) const { return at + i / 8 * 8 * apart + i % 8 * down; }
};
INLINE ShortLeft byRows(const uint32_t* at, int64_t apart) { return {at, apart, apart, 1}; }
INLINE ShortLeft byEights(const uint32_t* at, int64_t pairs) { return {at, pairs, 1, 8}; }

template <int ROWS, int VECTORS, Sink SINK>
INLINE void shortTile(int64_t pairs, Strided<uint32_t> a, Lines<const uint32_t> b, const float* start, Lines<float> c) {
  __m512 sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++)
      sums[i][v] = SINK == Sink::add  ? _mm512_loadu_ps(c.at + i * c.apart + v * 16)
                   : start != nullptr ? _mm512_loadu_ps(start + v * 16)
                                      : _mm512_setzero_ps();
  for (int64_t k = 0; k < pairs; k++) {
    __m512bh right[VECTORS];
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++) right[v] = (__m512bh)_mm512_loadu_si512(b.at + k * b.apart + v * 16);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
      const __m512bh left = (__m512bh)_mm512_set1_epi32(int(a.at[i * a.down + k * a.across]));
#pragma GCC unroll 3
      for (int v = 0; v < VECTORS; v++) sums[i][v] = _mm512_dpbf16_ps(sums[i][v], left, right[v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 3
    for (int v = 0; v < VECTORS; v++)
      SINK == Sink::stream ? _mm512_stream_ps(c.at + i * c.apart + v * 16, sums[i][v])
                           : _mm512_storeu_ps(c.at + i * c.apart + v * 16, sums[i][v]);
}

template <int VECTORS, Sink SINK>
INLINE void shortStrip(int64_t rows, int64_t pairs, const ShortLeft& a, Lines<const uint32_t> b, const float* start,
                       Lines<float> c) {
  const auto from = [&](int64_t i) { return Strided<uint32_t>{a.row(i), a.down, a.across}; };
  int64_t i = 0;
  for (; i + 8 <= rows; i += 8) shortTile<8, VECTORS, SINK>(pairs, from(i), b, start, c.from(i));
  for (; i < rows; i++) shortTile<1, VECTORS, SINK>(pairs, from(i), b, start, c.from(i));
}
