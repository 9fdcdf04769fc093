// Windowed attention with relative position bias on a whole map, with its gradient: windows are addressed where they lie in the (rolled) map instead of
// being copied out and back, and products, bias, softmax and mixing of a window and head stay in a buffer of some tens of KiB.
// nn/window-attention.ts holds the composition of ATen operators against which it is tested, for other devices.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "packed-weights.h"
#include "variants.h"

namespace skyloop {

// Where things stand for one window and head. A row is a position of the window.
template <typename T>
struct Place {
  const int64_t* rows;  // [N]: the map's position of each of the window's
  int64_t N, d, C;      // positions, numbers of a head, of all heads; the map's rows are 3 C (queries, keys, values) or C apart
  const T* qkv;         // the head's first query in the image
  const T* bias;        // [N, padded N], of the head; padding is -1e30
  const T* mask;        // [N, padded N], of the window, or null
  T scale;
  const int64_t* nextRows;  // the same of what this thread does next, to be fetched meanwhile; null at the end
  const T* nextQkv;
};

}  // namespace skyloop

#define SKYLOOP_KERNELS "attention.h"
#define SKYLOOP_SHORT_KERNELS
#include "for-each-variant.h"

namespace {

using at::Tensor;
using skyloop::Place;

// Everything that does not depend on the window.
struct Map {
  int64_t B, H, W, C, heads, d, window, shift, N, windows;

  Map(const Tensor& qkv, const Tensor& table, const Tensor& positions, const c10::optional<Tensor>& mask, int64_t window, int64_t shift)
      : B(qkv.size(0)), H(qkv.size(1)), W(qkv.size(2)), C(qkv.size(3) / 3), heads(table.size(1)), d(C / heads), window(window), shift(shift), N(window * window), windows(H / window * (W / window)) {
    TORCH_CHECK(qkv.size(3) == 3 * heads * d && H % window == 0 && W % window == 0 && positions.numel() == N * N, "window_attention: qkv ", qkv.sizes(), ", table ",
                table.sizes(), " and positions ", positions.sizes(), " do not fit windows of ", window);
    TORCH_CHECK(!mask || (mask->size(0) == windows && mask->size(1) == N && mask->size(2) == N), "window_attention: mask ", mask->sizes(), " does not fit ", windows, " windows of ", N);
    TORCH_CHECK(qkv.scalar_type() == table.scalar_type() && (!mask || mask->scalar_type() == qkv.scalar_type()), "window_attention takes qkv, table and mask of one type");
  }

  // Positions in the map of each window's, after rolling by -shift: [windows, N].
  std::vector<int64_t> rows() const {
    std::vector<int64_t> result(windows * N);
    for (int64_t n = 0; n < windows; n++)
      for (int64_t i = 0; i < N; i++) {
        int64_t y = (n / (W / window) * window + i / window + shift) % H, x = (n % (W / window) * window + i % window + shift) % W;
        result[n * N + i] = y * W + x;
      }
    return result;
  }
};

// [heads, N, padded N] from the table [offsets, heads] by the offset of each pair of positions; kept until the table changes.
template <typename T>
Tensor spreadBias(const Map& map, const Tensor& table, const int64_t* positions) {
  static auto* kept = new skyloop::PackedWeights;
  return kept->of(table, map.N, [&] {
    const int64_t wide = skyloop::plain::padded<T>(map.N);
    Tensor spread = at::full({map.heads, map.N, wide}, -1e30, table.options());
    const T* from = table.data_ptr<T>();
    T* bias = spread.data_ptr<T>();
    at::parallel_for(0, map.N, std::max<int64_t>(1, 8192 / (map.heads * map.N)), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++)
        for (int64_t h = 0; h < map.heads; h++)
          for (int64_t j = 0; j < map.N; j++) bias[(h * map.N + i) * wide + j] = from[positions[i * map.N + j] * map.heads + h];
    });
    return spread;
  });
}

// Each window's mask [N, padded N], null where it hides nothing; `wideMask` [windows, N, padded N] may be undefined.
template <typename T>
std::vector<const T*> masksOf(const Map& map, const Tensor& wideMask) {
  std::vector<const T*> masks(map.windows);
  if (!wideMask.defined()) return masks;
  const int64_t size = wideMask.numel() / map.windows;
  for (int64_t n = 0; n < map.windows; n++) {
    const T* mask = wideMask.data_ptr<T>() + n * size;
    if (std::any_of(mask, mask + size, [](T value) { return value != 0; })) masks[n] = mask;
  }
  return masks;
}

template <typename T, typename Body>
void forEachWindow(const Map& map, const Tensor& qkv, const Tensor& table, const Tensor& positions, const c10::optional<Tensor>& mask, double scale, Body body) {
  const auto rows = map.rows();
  const Tensor spread = spreadBias<T>(map, table, positions.data_ptr<int64_t>());
  const T* bias = spread.data_ptr<T>();
  const int64_t wide = skyloop::plain::padded<T>(map.N);
  // Rows of the mask are read by whole vectors.
  const Tensor wideMask = !mask ? Tensor() : wide == map.N ? mask->contiguous() : at::constant_pad_nd(*mask, {0, wide - map.N}).contiguous();
  const auto masks = masksOf<T>(map, wideMask);
  at::parallel_for(0, map.B * map.windows * map.heads, 4, [&](int64_t from, int64_t to) {
    std::vector<T> buffer(skyloop::plain::bufferSize<T>(map.N, map.d));
    const auto windowOf = [&](int64_t item) { return item / map.heads % map.windows; };
    const auto qkvOf = [&](int64_t item) { return qkv.data_ptr<T>() + item / map.heads / map.windows * map.H * map.W * 3 * map.C + item % map.heads * map.d; };
    for (int64_t item = from; item < to; item++) {
      const int64_t head = item % map.heads, window = windowOf(item), image = item / map.heads / map.windows;
      Place<T> place{rows.data() + window * map.N, map.N, map.d, map.C, qkvOf(item), bias + head * map.N * wide, masks[window], static_cast<T>(scale),
                     item + 1 < to ? rows.data() + windowOf(item + 1) * map.N : nullptr, item + 1 < to ? qkvOf(item + 1) : nullptr};
      body(place, image * map.H * map.W * map.C + head * map.d, head, buffer.data());
    }
  });
}

// qkv [B, H, W, 3 C], table [offsets, heads], positions [N N] (rows of the table), mask [windows, N, N] -> [B, H, W, C]
Tensor windowAttention(const Tensor& qkvAny, const Tensor& tableAny, const Tensor& positions, const c10::optional<Tensor>& mask, int64_t window, int64_t shift, double scale) {
  const Map map(qkvAny, tableAny, positions, mask, window, shift);
  const auto qkv = qkvAny.contiguous(), table = tableAny.contiguous();
  auto out = at::empty({map.B, map.H, map.W, map.C}, qkv.options());
  AT_DISPATCH_FLOATING_TYPES(qkv.scalar_type(), "window_attention", [&] {
    forEachWindow<scalar_t>(map, qkv, table, positions, mask, scale,
                            [&](const Place<scalar_t>& place, int64_t offset, int64_t, scalar_t* buffer) { SKYLOOP_BEST_PRODUCTS(attend, place, out.data_ptr<scalar_t>() + offset, buffer); });
  });
  return out;
}

// -> gradients of qkv and of the table
std::tuple<Tensor, Tensor> windowAttentionBackward(const Tensor& gradAny, const Tensor& qkvAny, const Tensor& tableAny, const Tensor& positions, const c10::optional<Tensor>& mask,
                                                   int64_t window, int64_t shift, double scale) {
  const Map map(qkvAny, tableAny, positions, mask, window, shift);
  const auto qkv = qkvAny.contiguous(), table = tableAny.contiguous(), grad = gradAny.contiguous();
  auto gradQkv = at::empty_like(qkv);
  auto gradTable = at::zeros_like(table);
  AT_DISPATCH_FLOATING_TYPES(qkv.scalar_type(), "window_attention_backward", [&] {
    const int64_t wide = skyloop::plain::padded<scalar_t>(map.N), size = map.heads * map.N * wide, threads = at::get_num_threads();
    // Each thread sums for itself, and the sums are added in the threads' order: the same every time.
    std::vector<scalar_t> sums(threads * size);
    forEachWindow<scalar_t>(map, qkv, table, positions, mask, scale, [&](const Place<scalar_t>& place, int64_t offset, int64_t head, scalar_t* buffer) {
      SKYLOOP_BEST_PRODUCTS(attendBackward, place, grad.data_ptr<scalar_t>() + offset, gradQkv.data_ptr<scalar_t>() + (place.qkv - qkv.data_ptr<scalar_t>()),
                  sums.data() + at::get_thread_num() * size + head * map.N * wide, buffer);
    });
    const int64_t* rows = positions.data_ptr<int64_t>();
    scalar_t* into = gradTable.data_ptr<scalar_t>();
    at::parallel_for(0, map.heads, std::max<int64_t>(1, 8192 / (map.N * map.N)), [&](int64_t first, int64_t last) {
      for (int64_t t = 0; t < threads; t++)
        for (int64_t h = first; h < last; h++)
          for (int64_t i = 0; i < map.N; i++)
            for (int64_t j = 0; j < map.N; j++) into[rows[i * map.N + j] * map.heads + h] += sums[t * size + (h * map.N + i) * wide + j];
    });
  });
  return {gradQkv, gradTable};
}

struct WindowAttention : torch::autograd::Function<WindowAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& qkv, const Tensor& table, const Tensor& positions, const c10::optional<Tensor>& mask,
                        int64_t window, int64_t shift, double scale) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({qkv, table, positions, mask.value_or(Tensor())});
    context->saved_data["window"] = window;
    context->saved_data["shift"] = shift;
    context->saved_data["scale"] = scale;
    static auto op = c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::window_attention", "").typed<decltype(windowAttention)>();
    return op.call(qkv, table, positions, mask, window, shift, scale);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto mask = saved[3].defined() ? c10::optional<Tensor>(saved[3]) : c10::nullopt;
    static auto op = c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::window_attention_backward", "").typed<decltype(windowAttentionBackward)>();
    auto [gradQkv, gradTable] = op.call(grads[0], saved[0], saved[1], saved[2], mask, context->saved_data["window"].toInt(), context->saved_data["shift"].toInt(),
                                        context->saved_data["scale"].toDouble());
    return {gradQkv, gradTable, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

Tensor recorded(const Tensor& qkv, const Tensor& table, const Tensor& positions, const c10::optional<Tensor>& mask, int64_t window, int64_t shift, double scale) {
  return WindowAttention::apply(qkv, table, positions, mask, window, shift, scale);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def("window_attention(Tensor qkv, Tensor table, Tensor positions, Tensor? mask, int window, int shift, float scale) -> Tensor");
  library.def("window_attention_backward(Tensor grad, Tensor qkv, Tensor table, Tensor positions, Tensor? mask, int window, int shift, float scale) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("window_attention", windowAttention);
  library.impl("window_attention_backward", windowAttentionBackward);
}
TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) { library.impl("window_attention", recorded); }
