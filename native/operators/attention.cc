// Windowed attention with relative position bias on a whole map, with its gradient: windows are addressed where they
// lie in the (rolled) map instead of being copied out and back, and products, bias, softmax and mixing of a window and
// head stay in a buffer of some tens of KiB. nn/window-attention.ts holds the composition of ATen operators against
// which it is tested, for other devices.
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

#include "../kernels/kernels.h"
#include "attention-map.h"

namespace {

using at::Tensor;
using skyloop::Place;
using skyloop::WindowMap;

template <typename T, typename Body>
void forEachWindow(const WindowMap& map, const Tensor& qkv, const Tensor& table, const Tensor& positions,
                   const c10::optional<Tensor>& mask, double scale, Body body) {
  const auto rows = map.rows();
  const Tensor spread = skyloop::spreadBias<T>(map, table, positions.data_ptr<int64_t>());
  const T* bias = spread.data_ptr<T>();
  const int64_t wide = skyloop::padded<T>(map.N);
  const skyloop::Masks<T> masks(map, mask);
  at::parallel_for(0, map.B * map.windows * map.heads, 4, [&](int64_t from, int64_t to) {
    std::vector<T> buffer(skyloop::attentionNumbers<T>(map.N, map.d));
    const auto windowOf = [&](int64_t item) { return item / map.heads % map.windows; };
    const auto qkvOf = [&](int64_t item) {
      return qkv.data_ptr<T>() + item / map.heads / map.windows * map.H * map.W * 3 * map.C + item % map.heads * map.d;
    };
    for (int64_t item = from; item < to; item++) {
      const int64_t head = item % map.heads, window = windowOf(item), image = item / map.heads / map.windows;
      Place<T> place{rows.data() + window * map.N,
                     map.N,
                     map.d,
                     map.C,
                     qkvOf(item),
                     bias + head * map.N * wide,
                     masks.of[window],
                     static_cast<T>(scale),
                     item + 1 < to ? rows.data() + windowOf(item + 1) * map.N : nullptr,
                     item + 1 < to ? qkvOf(item + 1) : nullptr};
      body(place, image * map.H * map.W * map.C + head * map.d, head, buffer.data());
    }
  });
}

// qkv [B, H, W, 3 C], table [offsets, heads], positions [N N] (rows of the table), mask [windows, N, N] -> [B, H, W, C]
Tensor windowAttention(const Tensor& qkvAny, const Tensor& tableAny, const Tensor& positions,
                       const c10::optional<Tensor>& mask, int64_t window, int64_t shift, double scale) {
  const WindowMap map(qkvAny.sizes(), tableAny, positions, mask, window, shift);
  TORCH_CHECK(qkvAny.scalar_type() == tableAny.scalar_type(), "window_attention takes qkv, table and mask of one type");
  const auto qkv = qkvAny.contiguous(), table = tableAny.contiguous();
  auto out = at::empty({map.B, map.H, map.W, map.C}, qkv.options());
  AT_DISPATCH_FLOATING_TYPES(qkv.scalar_type(), "window_attention", [&] {
    forEachWindow<scalar_t>(map, qkv, table, positions, mask, scale,
                            [&](const Place<scalar_t>& place, int64_t offset, int64_t, scalar_t* buffer) {
                              skyloop::kernels<scalar_t>().attend(place, out.data_ptr<scalar_t>() + offset, buffer);
                            });
  });
  return out;
}

// -> gradients of qkv and of the table
std::tuple<Tensor, Tensor> windowAttentionBackward(const Tensor& gradAny, const Tensor& qkvAny, const Tensor& tableAny,
                                                   const Tensor& positions, const c10::optional<Tensor>& mask,
                                                   int64_t window, int64_t shift, double scale) {
  const WindowMap map(qkvAny.sizes(), tableAny, positions, mask, window, shift);
  const auto qkv = qkvAny.contiguous(), table = tableAny.contiguous(), grad = gradAny.contiguous();
  auto gradQkv = at::empty_like(qkv);
  auto gradTable = at::zeros_like(table);
  AT_DISPATCH_FLOATING_TYPES(qkv.scalar_type(), "window_attention_backward", [&] {
    const int64_t wide = skyloop::padded<scalar_t>(map.N), size = map.heads * map.N * wide,
                  threads = at::get_num_threads();
    // Each thread sums for itself, and the sums are added in the threads' order: the same every time.
    std::vector<scalar_t> sums(threads * size);
    forEachWindow<scalar_t>(map, qkv, table, positions, mask, scale,
                            [&](const Place<scalar_t>& place, int64_t offset, int64_t head, scalar_t* buffer) {
                              skyloop::kernels<scalar_t>().attendBackward(
                                  place, grad.data_ptr<scalar_t>() + offset,
                                  gradQkv.data_ptr<scalar_t>() + (place.qkv - qkv.data_ptr<scalar_t>()),
                                  sums.data() + at::get_thread_num() * size + head * map.N * wide, buffer);
                            });
    const int64_t* rows = positions.data_ptr<int64_t>();
    scalar_t* into = gradTable.data_ptr<scalar_t>();
    at::parallel_for(0, map.heads, std::max<int64_t>(1, 8192 / (map.N * map.N)), [&](int64_t first, int64_t last) {
      for (int64_t t = 0; t < threads; t++)
        for (int64_t h = first; h < last; h++)
          for (int64_t i = 0; i < map.N; i++)
            for (int64_t j = 0; j < map.N; j++)
              into[rows[i * map.N + j] * map.heads + h] += sums[t * size + (h * map.N + i) * wide + j];
    });
  });
  return {gradQkv, gradTable};
}

struct WindowAttention : torch::autograd::Function<WindowAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& qkv, const Tensor& table,
                        const Tensor& positions, const c10::optional<Tensor>& mask, int64_t window, int64_t shift,
                        double scale) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({qkv, table, positions, mask.value_or(Tensor())});
    context->saved_data["window"] = window;
    context->saved_data["shift"] = shift;
    context->saved_data["scale"] = scale;
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::window_attention", "")
                         .typed<decltype(windowAttention)>();
    return op.call(qkv, table, positions, mask, window, shift, scale);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto mask = saved[3].defined() ? c10::optional<Tensor>(saved[3]) : c10::nullopt;
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::window_attention_backward", "")
                         .typed<decltype(windowAttentionBackward)>();
    auto [gradQkv, gradTable] =
        op.call(grads[0], saved[0], saved[1], saved[2], mask, context->saved_data["window"].toInt(),
                context->saved_data["shift"].toInt(), context->saved_data["scale"].toDouble());
    return {gradQkv, gradTable, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

Tensor windowAttentionRecorded(const Tensor& qkv, const Tensor& table, const Tensor& positions,
                               const c10::optional<Tensor>& mask, int64_t window, int64_t shift, double scale) {
  return WindowAttention::apply(qkv, table, positions, mask, window, shift, scale);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def(
      "window_attention(Tensor qkv, Tensor table, Tensor positions, Tensor? mask, int window, int shift, float scale) "
      "-> Tensor");
  library.def(
      "window_attention_backward(Tensor grad, Tensor qkv, Tensor table, Tensor positions, Tensor? mask, int window, "
      "int shift, float scale) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("window_attention", windowAttention);
  library.impl("window_attention_backward", windowAttentionBackward);
}
TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) { library.impl("window_attention", windowAttentionRecorded); }
