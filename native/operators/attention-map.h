// What windowed attention works on: windows of a map, biases and masks as its kernels read them. For attention.cc and
// block.cc.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "../kernels/kernels.h"
#include "packed-weights.h"

namespace skyloop {

// Everything that does not depend on the window.
struct WindowMap {
  int64_t B, H, W, C, heads, d, window, shift, N, windows;

  // `qkv` are the sizes of queries, keys and values, [B, H, W, 3 C].
  WindowMap(at::IntArrayRef qkv, const at::Tensor& table, const at::Tensor& positions,
            const c10::optional<at::Tensor>& mask, int64_t window, int64_t shift)
      : B(qkv[0]),
        H(qkv[1]),
        W(qkv[2]),
        C(qkv[3] / 3),
        heads(table.size(1)),
        d(C / heads),
        window(window),
        shift(shift),
        N(window * window),
        windows(H / window * (W / window)) {
    TORCH_CHECK(qkv[3] == 3 * heads * d && H % window == 0 && W % window == 0 && positions.numel() == N * N,
                "window_attention: qkv ", qkv, ", table ", table.sizes(), " and positions ", positions.sizes(),
                " do not fit windows of ", window);
    TORCH_CHECK(!mask || (mask->size(0) == windows && mask->size(1) == N && mask->size(2) == N),
                "window_attention: mask ", mask->sizes(), " does not fit ", windows, " windows of ", N);
    TORCH_CHECK(!mask || mask->scalar_type() == table.scalar_type(),
                "window_attention takes qkv, table and mask of one type");
  }

  // Positions in the map of each window's, after rolling by -shift: [windows, N].
  std::vector<int64_t> rows() const {
    std::vector<int64_t> result(windows * N);
    for (int64_t n = 0; n < windows; n++)
      for (int64_t i = 0; i < N; i++) {
        int64_t y = (n / (W / window) * window + i / window + shift) % H,
                x = (n % (W / window) * window + i % window + shift) % W;
        result[n * N + i] = y * W + x;
      }
    return result;
  }
};

// [heads, N, padded N] from the table [offsets, heads] by the offset of each pair of positions; kept until the table
// changes.
template <typename T>
at::Tensor spreadBias(const WindowMap& map, const at::Tensor& table, const int64_t* positions) {
  static auto* kept = new PackedWeights;
  return kept->of(table, map.N, [&] {
    const int64_t wide = padded<T>(map.N);
    at::Tensor spread = at::full({map.heads, map.N, wide}, -1e30, table.options().requires_grad(false));
    const T* from = table.data_ptr<T>();
    T* bias = spread.data_ptr<T>();
    at::parallel_for(0, map.N, std::max<int64_t>(1, 8192 / (map.heads * map.N)), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++)
        for (int64_t h = 0; h < map.heads; h++)
          for (int64_t j = 0; j < map.N; j++)
            bias[(h * map.N + i) * wide + j] = from[positions[i * map.N + j] * map.heads + h];
    });
    return spread;
  });
}

// Masks whose rows can be read by whole vectors, and each window's, null where it hides nothing.
template <typename T>
struct Masks {
  at::Tensor held;
  std::vector<const T*> of;

  Masks(const WindowMap& map, const c10::optional<at::Tensor>& mask) : of(map.windows) {
    if (!mask) return;
    const int64_t wide = padded<T>(map.N), size = map.N * wide;
    held = wide == map.N ? mask->contiguous() : at::constant_pad_nd(*mask, {0, wide - map.N}).contiguous();
    for (int64_t n = 0; n < map.windows; n++) {
      const T* values = held.template data_ptr<T>() + n * size;
      if (std::any_of(values, values + size, [](T value) { return value != 0; })) of[n] = values;
    }
  }
};

}  // namespace skyloop
