// Packed matrices and products by them, with short factors.

template <>
void pack<float>(Range panels, int64_t depth, int64_t columns, Strided<float> matrix, float* into) {
  const auto [from, down, across] = matrix;
  const int64_t wide = padded<float>(columns), pairs = (depth + 1) / 2;
  for (int64_t at = panels.first * PANEL<float>; at < panels.last * PANEL<float> && at < wide; at += PANEL<float>) {
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
    const auto one =
        [&, from = from, down = down, across = across ](int64_t k, int64_t n) __attribute__((always_inline)) {
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

// Some panels of c [rows, wide] = start + a b, or c + a b, of pairs; b as `pack` leaves it.
template <Sink SINK>
INLINE void shortPanels(Range panels, int64_t rows, int64_t pairs, const ShortLeft& a, const uint32_t* b,
                        const float* bias, Lines<float> c) {
  forEachPanel<float>(
      panels, c.apart, [&](int64_t at, auto vectors) __attribute__((always_inline)) {
        constexpr int VECTORS = decltype(vectors)::value;
        shortStrip<VECTORS, SINK>(rows, pairs, a, {b + at * pairs, VECTORS * 16}, bias == nullptr ? nullptr : bias + at,
                                  c.column(at));
      });
}
template <Sink SINK>
INLINE void shortProduct(int64_t rows, int64_t pairs, const ShortLeft& a, const uint32_t* b, Lines<float> c) {
  shortPanels<SINK>({0, panelsOf<float>(c.apart)}, rows, pairs, a, b, nullptr, c);
}

template <>
INLINE void multiplyPanels<float>(Range panels, const PackedProduct<float>& by) {
  const int64_t pairs = (by.size.depth + 1) / 2, held = (pairs + 7) / 8 * 8;
  uint32_t* left = pairsOf(0, by.size.rows * held);
  pairRows(by.size.rows, by.size.depth, by.a, by.lda, left, held);
  shortPanels<Sink::write>(panels, by.size.rows, pairs, byRows(left, held),
                           reinterpret_cast<const uint32_t*>(by.packed), by.bias,
                           {by.c, padded<float>(by.size.columns)});
}

template <>
INLINE void addOuter<float>(int64_t rows, int64_t n, int64_t m, const float* p, const float* q, float* c) {
  const int64_t wideN = padded<float>(n), wide = padded<float>(m), pairs = (rows + 1) / 2;
  uint32_t* left = pairsOf(1, wideN * pairs);
  pairEights(rows, p, wideN, 0, wideN, left);
  uint32_t* right = pairsOf(2, wide * pairs);
  pack<float>({0, panelsOf<float>(wide)}, rows, wide, {q, wide, 1}, reinterpret_cast<float*>(right));
  shortProduct<Sink::add>(n, pairs, byEights(left, pairs), right, {c, wide});
}
