// Linear layers with what stands around them in a transformer block, as one operator each, with gradients:
// normalisation before, residual after, and the feed-forward part whole. Rows go through in chunks, so that what lies
// between two products never leaves the cache; of the feed-forward's inside only the values before GELU are kept for
// `backward`. nn/fused.ts holds the compositions of ATen operators against which they are tested.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "../kernels/kernels.h"
#include "dense-ops.h"
#include "packed-weights.h"

#include "dense-few-rows.h"

namespace {

using at::Tensor;
using skyloop::Dense;
using skyloop::Sums;
using Optional = c10::optional<Tensor>;

template <typename T>
int64_t wide(int64_t count) {
  return skyloop::padded<T>(count);
}

Tensor given(const Optional& tensor) { return tensor && tensor->defined() ? tensor->contiguous() : Tensor(); }

template <typename T>
const T* dataOf(const Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

// A vector of weights with zeros after it up to the padded length.
template <typename T>
Tensor padVector(const Tensor& values) {
  if (!values.defined() || wide<T>(values.numel()) == values.numel()) return values;
  return at::constant_pad_nd(values, {0, wide<T>(values.numel()) - values.numel()});
}

// Elements (k, n) at k * down + n * across of `from`, as the products want them.
template <typename T>
Tensor packed(const Tensor& from, int64_t depth, int64_t columns, int64_t down, int64_t across) {
  Tensor into = at::empty(
      {skyloop::shortProducts() && sizeof(T) == 4 ? (depth + 1) / 2 * wide<T>(columns) : depth * wide<T>(columns)},
      from.options());
  const auto& kernel = skyloop::kernels<T>();
  at::parallel_for(0, kernel.panelsOf(columns), 1, [&](int64_t first, int64_t last) {
    kernel.pack({first, last}, depth, columns, {from.data_ptr<T>(), down, across}, into.data_ptr<T>());
  });
  return into;
}

// For x W^T and for grad W.
template <typename T>
Tensor packedForward(const Tensor& weight) {
  // In each order that products may want; never destroyed, as threads may still encode while the process ends.
  static auto* kept = new skyloop::PackedWeights;
  return kept->of(weight, skyloop::shortProducts(),
                  [&] { return packed<T>(weight, weight.size(1), weight.size(0), 1, weight.size(1)); });
}
template <typename T>
Tensor packedBackward(const Tensor& weight) {
  return packed<T>(weight, weight.size(0), weight.size(1), weight.size(1), 1);
}

#include "dense-parts.h"

int64_t rowsOf(const Tensor& x) { return x.numel() / x.size(-1); }

void check(const Tensor& x, const Tensor& weight, const Tensor& scale) {
  TORCH_CHECK(weight.dim() == 2 && x.size(-1) == weight.size(1), "dense: x ", x.sizes(), " does not fit weight ",
              weight.sizes());
  TORCH_CHECK(x.scalar_type() == weight.scalar_type(), "dense takes x and weights of one type, got ", x.scalar_type(),
              " and ", weight.scalar_type());
  TORCH_CHECK(!scale.defined() || (scale.numel() > 0 && rowsOf(x) % scale.numel() == 0), "dense: ", rowsOf(x),
              " rows do not fit a scale of ", scale.sizes());
}

template <typename T>
Dense<T> jobOf(const Tensor& x, const Tensor& normWeight, const Tensor& normBias, double eps, int64_t outputs,
               const Tensor& scale, int64_t chunk) {
  Dense<T> job{};
  job.inputs = x.size(-1);
  job.outputs = outputs;
  job.chunk = chunk;
  job.x = x.data_ptr<T>();
  job.normWeight = dataOf<T>(normWeight);
  job.normBias = dataOf<T>(normBias);
  job.eps = static_cast<T>(eps);
  job.scale = dataOf<T>(scale);
  job.rowsPerScale = scale.defined() ? rowsOf(x) / scale.numel() : 1;
  return job;
}

template <typename T>
Tensor bufferFor(const Tensor& like, int64_t numbers) {
  return at::empty({numbers}, like.options());
}

}  // namespace

namespace skyloop {

// ---- one linear layer ------------------------------------------------------------------------------

Tensor dense(const Tensor& xAny, const Optional& normWeightAny, const Optional& normBiasAny, double eps,
             const Tensor& weightAny, const Optional& biasAny, const Optional& residualAny, const Optional& scaleAny) {
  const auto x = xAny.contiguous(), weight = weightAny.contiguous(), residual = given(residualAny),
             scale = given(scaleAny);
  check(x, weight, scale);
  const int64_t outputs = weight.size(0), rows = rowsOf(x);
  auto sizes = x.sizes().vec();
  sizes.back() = outputs;
  auto out = at::empty(sizes, x.options());
  TORCH_CHECK(!residual.defined() || residual.sizes() == out.sizes(), "dense: residual ", residual.sizes(),
              " is not of the result's shape ", out.sizes());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "dense", [&] {
    using T = scalar_t;
    const auto normWeight = padVector<T>(given(normWeightAny)), normBias = padVector<T>(given(normBiasAny)),
               bias = padVector<T>(given(biasAny));
    const int64_t numbers = 2 * wide<T>(x.size(-1)) + wide<T>(outputs) + 1;
    const Parts parts(rows, numbers, sizeof(T));
    auto job = jobOf<T>(x, normWeight, normBias, eps, outputs, scale, parts.chunk);
    job.bias1 = dataOf<T>(bias);
    job.residual = dataOf<T>(residual);
    job.out = out.data_ptr<T>();
    const bool fewRows = few::fits<T>(rows, job.inputs, outputs);
    if (fewRows && !skyloop::PackedWeights::keeps(weight))
      return few::denseForward(x, job, rows, weight.data_ptr<T>(), job.bias1);
    const auto packed1 = packedForward<T>(weight);
    job.packed1 = packed1.data_ptr<T>();
    if (fewRows) return few::denseForwardPacked(x, job, rows);
    parts.forEach([&](int64_t, int64_t from, int64_t to) {
      const Tensor buffer = bufferFor<T>(x, numbers * parts.chunk);
      kernels<T>().denseForward(job, {from, to}, buffer.data_ptr<T>());
    });
  });
  return out;
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> denseBackward(const Tensor& gradAny, const Tensor& xAny,
                                                                 const Optional& normWeightAny,
                                                                 const Optional& normBiasAny, double eps,
                                                                 const Tensor& weightAny, bool hasBias,
                                                                 const Optional& scaleAny) {
  const auto grad = gradAny.contiguous(), x = xAny.contiguous(), weight = weightAny.contiguous(),
             scale = given(scaleAny);
  const int64_t inputs = x.size(-1), outputs = weight.size(0), rows = rowsOf(x);
  auto gradX = at::empty_like(x);
  Tensor gradNormWeight, gradNormBias, gradWeight, gradBias;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "dense_backward", [&] {
    using T = scalar_t;
    const auto normWeight = padVector<T>(given(normWeightAny)), normBias = padVector<T>(given(normBiasAny));
    const int64_t numbers = 3 * wide<T>(inputs) + wide<T>(outputs) + 1, norms = normWeight.defined() ? 1 : 0;
    const Parts parts(rows, numbers, sizeof(T));
    auto job = jobOf<T>(x, normWeight, normBias, eps, outputs, scale, parts.chunk);
    job.gradOut = grad.data_ptr<T>();
    job.gradX = gradX.data_ptr<T>();
    if (few::fits<T>(rows, inputs, outputs)) {
      gradWeight = at::empty_like(weight);
      if (hasBias) gradBias = at::empty({outputs}, x.options());
      if (norms > 0) gradNormWeight = at::empty_like(normWeight), gradNormBias = at::empty_like(normBias);
      const auto into = [](const Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<T>() : nullptr; };
      const Sums<T> grads{into(gradWeight), into(gradBias), nullptr, nullptr, into(gradNormWeight), into(gradNormBias)};
      return few::denseBackward(x, job, rows, weight.data_ptr<T>(), grads);
    }
    const auto packed1 = packedBackward<T>(weight);
    job.packed1 = packed1.data_ptr<T>();
    Collected<T> collected(x, parts.workers,
                           {{outputs, inputs}, {hasBias ? 1 : 0, outputs}, {norms, inputs}, {norms, inputs}});
    parts.forEach([&](int64_t worker, int64_t from, int64_t to) {
      const Tensor buffer = bufferFor<T>(x, numbers * parts.chunk);
      T* mine = collected.of(worker);
      const auto at = [&](size_t which) { return mine + collected.starts[which]; };
      const Sums<T> sums{at(0), hasBias ? at(1) : nullptr, nullptr, nullptr, at(2), at(3)};
      kernels<T>().denseBackward(job, {from, to}, buffer.data_ptr<T>(), sums);
    });
    gradWeight = collected.total(0).view({outputs, inputs});
    gradBias = collected.total(1);
    gradNormWeight = collected.total(2);
    gradNormBias = collected.total(3);
  });
  return {gradX, gradNormWeight, gradNormBias, gradWeight, gradBias};
}

// ---- the feed-forward part -------------------------------------------------------------------------

std::tuple<Tensor, Tensor> feedforwardKept(const Tensor& xAny, const Tensor& normWeightAny, const Tensor& normBiasAny,
                                           double eps, const Tensor& weight1Any, const Tensor& bias1Any,
                                           const Tensor& weight2Any, const Tensor& bias2Any, const Optional& scaleAny,
                                           bool keep) {
  const auto x = xAny.contiguous(), weight1 = weight1Any.contiguous(), weight2 = weight2Any.contiguous(),
             scale = given(scaleAny);
  check(x, weight1, scale);
  const int64_t inputs = x.size(-1), hiddens = weight1.size(0), rows = rowsOf(x);
  TORCH_CHECK(weight2.size(0) == inputs && weight2.size(1) == hiddens, "feedforward: weights ", weight1.sizes(),
              " and ", weight2.sizes(), " do not lead back to ", inputs);
  auto out = at::empty_like(x);
  Tensor hidden;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "feedforward", [&] {
    using T = scalar_t;
    const bool fewRows = few::fits<T>(rows, inputs, hiddens), packs = !keep && skyloop::PackedWeights::keeps(weight1);
    if (keep)
      hidden = fewRows ? at::empty({hiddens, wide<T>(rows)}, x.options()) : at::empty({rows, hiddens}, x.options());
    const auto normWeight = padVector<T>(normWeightAny.contiguous()), normBias = padVector<T>(normBiasAny.contiguous());
    const auto bias1 = padVector<T>(bias1Any.contiguous()), bias2 = padVector<T>(bias2Any.contiguous());
    const int64_t numbers = 2 * wide<T>(inputs) + wide<T>(hiddens) + 1;
    const Parts parts(rows, numbers, sizeof(T));
    auto job = jobOf<T>(x, normWeight, normBias, eps, hiddens, scale, parts.chunk);
    job.bias1 = bias1.data_ptr<T>();
    job.bias2 = bias2.data_ptr<T>();
    job.residual = job.x;
    job.out = out.data_ptr<T>();
    job.hidden = keep ? hidden.data_ptr<T>() : nullptr;
    if (fewRows && !packs) return few::feedforwardForward(x, job, rows, weight1.data_ptr<T>(), weight2.data_ptr<T>());
    const auto packed1 = packedForward<T>(weight1), packed2 = packedForward<T>(weight2);
    job.packed1 = packed1.data_ptr<T>();
    job.packed2 = packed2.data_ptr<T>();
    if (fewRows) return few::feedforwardForwardPacked(x, job, rows);
    parts.forEach([&](int64_t, int64_t from, int64_t to) {
      const Tensor buffer = bufferFor<T>(x, numbers * parts.chunk);
      kernels<T>().feedforwardForward(job, {from, to}, buffer.data_ptr<T>());
    });
  });
  return {out, hidden};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> feedforwardBackward(
    const Tensor& gradAny, const Tensor& hidden, const Tensor& xAny, const Tensor& normWeightAny,
    const Tensor& normBiasAny, double eps, const Tensor& weight1Any, const Tensor& weight2Any,
    const Optional& scaleAny) {
  const auto grad = gradAny.contiguous(), x = xAny.contiguous(), weight1 = weight1Any.contiguous(),
             weight2 = weight2Any.contiguous(), scale = given(scaleAny);
  const int64_t inputs = x.size(-1), hiddens = weight1.size(0), rows = rowsOf(x);
  auto gradX = at::empty_like(x);
  std::vector<Tensor> totals;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "feedforward_backward", [&] {
    using T = scalar_t;
    const auto normWeight = padVector<T>(normWeightAny.contiguous()), normBias = padVector<T>(normBiasAny.contiguous());
    const int64_t numbers = 3 * wide<T>(inputs) + 2 * wide<T>(hiddens) + 1;
    const Parts parts(rows, numbers, sizeof(T));
    auto job = jobOf<T>(x, normWeight, normBias, eps, hiddens, scale, parts.chunk);
    job.gradOut = grad.data_ptr<T>();
    job.gradX = gradX.data_ptr<T>();
    job.hidden = hidden.data_ptr<T>();
    if (few::fits<T>(rows, inputs, hiddens)) {
      for (const auto& like : {normWeight, normBias, weight1}) totals.push_back(at::empty_like(like));
      totals.push_back(at::empty({hiddens}, x.options()));
      totals.push_back(at::empty_like(weight2));
      totals.push_back(at::empty({inputs}, x.options()));
      const auto into = [&](size_t which) { return totals[which].data_ptr<T>(); };
      const Sums<T> grads{into(2), into(3), into(4), into(5), into(0), into(1)};
      return few::feedforwardBackward(x, job, rows, weight1.data_ptr<T>(), weight2.data_ptr<T>(), grads);
    }
    const auto packed1 = packedBackward<T>(weight1), packed2 = packedBackward<T>(weight2);
    job.packed1 = packed1.data_ptr<T>();
    job.packed2 = packed2.data_ptr<T>();
    Collected<T> collected(x, parts.workers,
                           {{1, inputs}, {1, inputs}, {hiddens, inputs}, {1, hiddens}, {inputs, hiddens}, {1, inputs}});
    parts.forEach([&](int64_t worker, int64_t from, int64_t to) {
      const Tensor buffer = bufferFor<T>(x, numbers * parts.chunk);
      T* mine = collected.of(worker);
      const auto at = [&](size_t which) { return mine + collected.starts[which]; };
      const Sums<T> sums{at(2), at(3), at(4), at(5), at(0), at(1)};
      kernels<T>().feedforwardBackward(job, {from, to}, buffer.data_ptr<T>(), sums);
    });
    for (size_t i = 0; i < 6; i++) totals.push_back(collected.total(i));
  });
  return {
      gradX,    totals[0], totals[1], totals[2].view({hiddens, inputs}), totals[3], totals[4].view({inputs, hiddens}),
      totals[5]};
}

Tensor feedforward(const Tensor& x, const Tensor& normWeight, const Tensor& normBias, double eps, const Tensor& weight1,
                   const Tensor& bias1, const Tensor& weight2, const Tensor& bias2, const Optional& scale) {
  return std::get<0>(feedforwardKept(x, normWeight, normBias, eps, weight1, bias1, weight2, bias2, scale, false));
}

// ---- layers that are run over some rows ------------------------------------------------------------

bool hasFewRows(int64_t rows, int64_t inputs, int64_t outputs) { return few::fits<float>(rows, inputs, outputs); }

struct PreparedLayer::State {
  Dense<float> job;
  bool isFeedforward;
  int64_t numbersPerRow;
  std::vector<Tensor> held;

  const float* hold(const Tensor& tensor) {
    held.push_back(tensor);
    return tensor.data_ptr<float>();
  }
  State(const Tensor& normWeight, const Tensor& normBias, double eps, const Tensor& weight, const Tensor& bias,
        const Tensor& weight2, const Tensor& bias2)
      : job{},
        isFeedforward(weight2.defined()) {
    job.inputs = weight.size(1);
    job.outputs = weight.size(0);
    if (normWeight.defined())
      job.normWeight = hold(padVector<float>(normWeight.contiguous())),
      job.normBias = hold(padVector<float>(normBias.contiguous()));
    job.eps = static_cast<float>(eps);
    job.packed1 = hold(packedForward<float>(weight.contiguous()));
    job.bias1 = hold(padVector<float>(bias.contiguous()));
    if (isFeedforward)
      job.packed2 = hold(packedForward<float>(weight2.contiguous())),
      job.bias2 = hold(padVector<float>(bias2.contiguous()));
    numbersPerRow = 2 * wide<float>(job.inputs) + wide<float>(job.outputs) + 1;
  }
  int64_t mostRows() const { return Parts::mostRows(numbersPerRow * sizeof(float)); }
};

PreparedLayer PreparedLayer::linear(const Tensor& normWeight, const Tensor& normBias, double eps, const Tensor& weight,
                                    const Tensor& bias) {
  return feedforward(normWeight, normBias, eps, weight, bias, Tensor(), Tensor());
}
PreparedLayer PreparedLayer::feedforward(const Tensor& normWeight, const Tensor& normBias, double eps,
                                         const Tensor& weight1, const Tensor& bias1, const Tensor& weight2,
                                         const Tensor& bias2) {
  PreparedLayer layer;
  layer.state_ = std::make_shared<State>(normWeight, normBias, eps, weight1, bias1, weight2, bias2);
  return layer;
}
int64_t PreparedLayer::bufferNumbers() const { return state_->numbersPerRow * state_->mostRows(); }
void PreparedLayer::run(int64_t rows, const float* x, const float* residual, float* out, float* buffer,
                        const Training& training) const {
  Dense<float> job = state_->job;
  job.scale = training.scale;
  job.rowsPerScale = training.rowsPerScale;
  job.firstRow = training.firstRow;
  job.hidden = training.hidden;
  job.chunk = Parts::chunkOf(rows, state_->mostRows());
  job.x = x;
  job.residual = residual;
  job.out = out;
  if (state_->isFeedforward) {
    kernels<float>().feedforwardForward(job, {0, rows}, buffer);
  } else {
    kernels<float>().denseForward(job, {0, rows}, buffer);
  }
}

}  // namespace skyloop

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def(
      "dense(Tensor x, Tensor? norm_weight, Tensor? norm_bias, float eps, Tensor weight, Tensor? bias, Tensor? "
      "residual, Tensor? scale) -> Tensor");
  library.def(
      "dense_backward(Tensor grad, Tensor x, Tensor? norm_weight, Tensor? norm_bias, float eps, Tensor weight, bool "
      "has_bias, Tensor? scale) -> (Tensor, Tensor, Tensor, Tensor, "
      "Tensor)");
  library.def(
      "feedforward(Tensor x, Tensor norm_weight, Tensor norm_bias, float eps, Tensor weight1, Tensor bias1, Tensor "
      "weight2, Tensor bias2, Tensor? scale) -> Tensor");
  library.def(
      "feedforward_kept(Tensor x, Tensor norm_weight, Tensor norm_bias, float eps, Tensor weight1, Tensor bias1, "
      "Tensor weight2, Tensor bias2, Tensor? scale, bool keep) -> "
      "(Tensor, Tensor)");
  library.def(
      "feedforward_backward(Tensor grad, Tensor hidden, Tensor x, Tensor norm_weight, Tensor norm_bias, float eps, "
      "Tensor weight1, Tensor weight2, Tensor? scale) -> (Tensor, "
      "Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("dense", skyloop::dense);
  library.impl("dense_backward", skyloop::denseBackward);
  library.impl("feedforward", skyloop::feedforward);
  library.impl("feedforward_kept", skyloop::feedforwardKept);
  library.impl("feedforward_backward", skyloop::feedforwardBackward);
}
