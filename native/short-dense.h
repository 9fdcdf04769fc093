// The products of dense.h with short factors.
#include "short-products.h"

template <>
void pack<float>(int64_t depth, int64_t columns, const float* from, int64_t down, int64_t across, float* into,
                 int64_t first, int64_t last) {
  const int64_t wide = padded<float>(columns), pairs = (depth + 1) / 2;
  for (int64_t at = first * PANEL<float>; at < last * PANEL<float> && at < wide; at += PANEL<float>) {
    const int64_t width = wide - at < PANEL<float> ? wide - at : PANEL<float>,
                  real = columns - at < width ? columns - at : width;
    uint32_t* panel = reinterpret_cast<uint32_t*>(into) + at * pairs;
    if (across == 1 && real == width) {
      pairColumns(depth, from, down, at, at + width, panel, width);
      continue;
    }
    if (down == 1 && real == width) {
      for (int64_t n = 0; n < width; n += 16)
        pairSixteenRows(depth, from + (at + n) * across, across, panel + n, width);
      continue;
    }
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

// Columns `first` to before `last`, whole panels but for the last, of c [rows, wide] = start + a b, or c + a b, of
// pairs; b as `pack` leaves it.
template <Sink SINK>
INLINE void shortColumns(int64_t first, int64_t last, int64_t rows, int64_t wide, int64_t pairs, const ShortLeft& a,
                         const uint32_t* b, const float* bias, float* c) {
  for (int64_t at = first; at < last; at += PANEL<float>) {
    const float* start = bias == nullptr ? nullptr : bias + at;
    const int64_t width = wide - at < PANEL<float> ? wide - at : PANEL<float>;
    if (width == 48) shortStrip<3, SINK>(rows, pairs, a, b + at * pairs, width, start, c + at, wide);
    if (width == 32) shortStrip<2, SINK>(rows, pairs, a, b + at * pairs, width, start, c + at, wide);
    if (width == 16) shortStrip<1, SINK>(rows, pairs, a, b + at * pairs, width, start, c + at, wide);
  }
}
template <Sink SINK>
INLINE void shortProduct(int64_t rows, int64_t wide, int64_t pairs, const ShortLeft& a, const uint32_t* b,
                         const float* bias, float* c) {
  shortColumns<SINK>(0, wide, rows, wide, pairs, a, b, bias, c);
}

template <>
INLINE void multiplyPanels<float>(int64_t first, int64_t last, int64_t rows, int64_t columns, int64_t depth,
                                  const float* a, int64_t lda, const float* packed, const float* bias, float* c) {
  const int64_t pairs = (depth + 1) / 2, held = (pairs + 7) / 8 * 8, wide = padded<float>(columns),
                end = last * PANEL<float>;
  uint32_t* left = pairsOf(0, rows * held);
  pairRows(rows, depth, a, lda, left, held);
  shortColumns<Sink::write>(first * PANEL<float>, end < wide ? end : wide, rows, wide, pairs, byRows(left, held),
                            reinterpret_cast<const uint32_t*>(packed), bias, c);
}

template <>
INLINE void addOuter<float>(int64_t rows, int64_t n, int64_t m, const float* p, const float* q, float* c) {
  const int64_t wideN = padded<float>(n), wide = padded<float>(m), pairs = (rows + 1) / 2;
  uint32_t* left = pairsOf(1, wideN * pairs);
  pairEights(rows, p, wideN, 0, wideN, left);
  uint32_t* right = pairsOf(2, wide * pairs);
  pack<float>(rows, wide, q, wide, 1, reinterpret_cast<float*>(right), 0, (wide + PANEL<float> - 1) / PANEL<float>);
  shortProduct<Sink::add>(n, wide, pairs, byEights(left, pairs), right, nullptr, c);
}
