// Windowed attention in one pass: for each window and head the products, bias, softmax and mixing stay in a buffer of 16 KiB instead of
// going through memory four times. For inference; training takes the composition of ATen operators (nn/window-attention.ts), against which
// this is tested.
#include <cmath>
#include <cstring>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

namespace {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define FOR_EACH_CPU
#endif

// exp for x <= 0 to about 2e-7 relative: 2^n by the exponent bits, a polynomial for the rest. Written so that compilers vectorise it.
inline float expOf(float x) {
  x = x < -87.0f ? -87.0f : x;
  float scaled = x * 1.44269504088896341f;
  float whole = std::floor(scaled + 0.5f);
  float rest = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  float value = 1.9875691500e-4f;
  value = value * rest + 1.3981999507e-3f;
  value = value * rest + 8.3334519073e-3f;
  value = value * rest + 4.1665795894e-2f;
  value = value * rest + 1.6666665459e-1f;
  value = value * rest + 5.0000001201e-1f;
  value = value * rest * rest + rest + 1.0f;
  int32_t bits = (static_cast<int32_t>(whole) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return value * power;
}

// One window and head. `qkv` points at the head's first query; rows are 3 C apart, keys C and values 2 C further. `out` rows are C apart.
// With D and W known when compiled the sums of a row stay in registers; 0 takes the sizes given.
template <int D, int W>
__attribute__((always_inline)) inline void attend(const float* qkv, const float* bias, float* out, float* buffer, int64_t anyN, int64_t anyD, int64_t C, float scale) {
  const int64_t N = W > 0 ? W : anyN;
  const int64_t d = D > 0 ? D : anyD;
  float* __restrict keys = buffer;              // [d, N]: the innermost loops run along the window
  float* __restrict values = buffer + d * N;    // [N, d]
  float* __restrict row = buffer + 2 * d * N;   // [N]
  float* __restrict mixed = buffer + 2 * d * N + N;  // [d]
  for (int64_t j = 0; j < N; j++)
    for (int64_t k = 0; k < d; k++) {
      keys[k * N + j] = qkv[j * 3 * C + C + k] * scale;
      values[j * d + k] = qkv[j * 3 * C + 2 * C + k];
    }
  for (int64_t i = 0; i < N; i++) {
    const float* query = qkv + i * 3 * C;
    if constexpr (W > 0) {
      float sums[W > 0 ? W : 1];
      for (int64_t j = 0; j < W; j++) sums[j] = bias[i * N + j];
      for (int64_t k = 0; k < d; k++)
        for (int64_t j = 0; j < W; j++) sums[j] += query[k] * keys[k * N + j];
      for (int64_t j = 0; j < W; j++) row[j] = sums[j];
    } else {
      for (int64_t j = 0; j < N; j++) row[j] = bias[i * N + j];
      for (int64_t k = 0; k < d; k++)
        for (int64_t j = 0; j < N; j++) row[j] += query[k] * keys[k * N + j];
    }
    float largest = row[0];
    for (int64_t j = 0; j < N; j++) largest = row[j] > largest ? row[j] : largest;
    for (int64_t j = 0; j < N; j++) row[j] = expOf(row[j] - largest);
    float total = 0;
    for (int64_t j = 0; j < N; j++) total += row[j];
    const float inverse = 1.0f / total;
    if constexpr (D > 0) {
      float sums[D > 0 ? D : 1] = {};
      for (int64_t j = 0; j < N; j++)
        for (int64_t k = 0; k < D; k++) sums[k] += row[j] * values[j * D + k];
      for (int64_t k = 0; k < D; k++) out[i * C + k] = sums[k] * inverse;
    } else {
      for (int64_t k = 0; k < d; k++) mixed[k] = 0;
      for (int64_t j = 0; j < N; j++)
        for (int64_t k = 0; k < d; k++) mixed[k] += row[j] * values[j * d + k];
      for (int64_t k = 0; k < d; k++) out[i * C + k] = mixed[k] * inverse;
    }
  }
}

FOR_EACH_CPU void attend16x64(const float* qkv, const float* bias, float* out, float* buffer, int64_t C, float scale) {
  attend<16, 64>(qkv, bias, out, buffer, 64, 16, C, scale);
}
FOR_EACH_CPU void attendAny(const float* qkv, const float* bias, float* out, float* buffer, int64_t N, int64_t d, int64_t C, float scale) {
  attend<0, 0>(qkv, bias, out, buffer, N, d, C, scale);
}

// qkv [windows, N, 3 C], bias [n, heads, N, N] with windows a multiple of n -> [windows, N, C]
at::Tensor windowAttention(const at::Tensor& qkvAny, const at::Tensor& biasAny, double scale) {
  TORCH_CHECK(qkvAny.dim() == 3 && biasAny.dim() == 4, "window_attention takes qkv [windows, N, 3 C] and bias [n, heads, N, N]");
  TORCH_CHECK(qkvAny.scalar_type() == at::kFloat && biasAny.scalar_type() == at::kFloat, "window_attention takes float32");
  auto qkv = qkvAny.contiguous();
  auto bias = biasAny.contiguous();
  int64_t windows = qkv.size(0), N = qkv.size(1), C = qkv.size(2) / 3, n = bias.size(0), heads = bias.size(1), d = C / heads;
  TORCH_CHECK(qkv.size(2) == 3 * heads * d && bias.size(2) == N && bias.size(3) == N && windows % n == 0, "window_attention: qkv ", qkv.sizes(), " does not fit bias ", bias.sizes());
  auto out = at::empty({windows, N, C}, qkv.options());
  const float* source = qkv.data_ptr<float>();
  const float* plus = bias.data_ptr<float>();
  float* target = out.data_ptr<float>();
  at::parallel_for(0, windows * heads, 8, [&](int64_t from, int64_t to) {
    std::vector<float> buffer(2 * d * N + N + d);
    for (int64_t at = from; at < to; at++) {
      int64_t window = at / heads, head = at % heads;
      const float* from3 = source + window * N * 3 * C + head * d;
      const float* its = plus + ((window % n) * heads + head) * N * N;
      float* into = target + window * N * C + head * d;
      if (N == 64 && d == 16) attend16x64(from3, its, into, buffer.data(), C, static_cast<float>(scale));
      else attendAny(from3, its, into, buffer.data(), N, d, C, static_cast<float>(scale));
    }
  });
  return out;
}

}  // namespace

TORCH_LIBRARY(skyloop, library) { library.def("window_attention(Tensor qkv, Tensor bias, float scale) -> Tensor"); }
TORCH_LIBRARY_IMPL(skyloop, CPU, library) { library.impl("window_attention", windowAttention); }
