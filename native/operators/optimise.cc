// Adam and AdamW over all parameters in one pass: every number is read and written once, where a composition goes over
// them nine times. torch/optim.ts holds that composition, for other devices; this is tested against it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "../kernels/kernels.h"

namespace {

using Tensors = at::TensorList;

// In place on parameters and moments. `decays` has one weight decay for each parameter; corrections are 1 - beta1^steps
// and sqrt(1 - beta2^steps).
void adamStep(Tensors parameters, Tensors grads, Tensors means, Tensors squares, at::ArrayRef<double> decays,
              double learningRate, double beta1, double beta2, double eps, double correction1, double correction2,
              bool decoupled) {
  constexpr int64_t RUN = 16384;
  TORCH_CHECK(parameters.size() == grads.size() && grads.size() == means.size() && means.size() == squares.size() &&
                  squares.size() == decays.size(),
              "adam_step: lists of different lengths");
  std::vector<at::Tensor> whole(grads.size());
  std::vector<std::pair<size_t, int64_t>> runs;
  for (size_t p = 0; p < parameters.size(); p++) {
    TORCH_CHECK(parameters[p].is_contiguous() && means[p].is_contiguous() && squares[p].is_contiguous() &&
                    grads[p].sizes() == parameters[p].sizes() && means[p].sizes() == parameters[p].sizes() &&
                    squares[p].sizes() == parameters[p].sizes() &&
                    means[p].scalar_type() == parameters[p].scalar_type() &&
                    squares[p].scalar_type() == parameters[p].scalar_type() &&
                    grads[p].scalar_type() == parameters[p].scalar_type() &&
                    parameters[p].scalar_type() == parameters[0].scalar_type(),
                "adam_step takes contiguous parameters and moments of one type and shape, and gradients of the same");
    whole[p] = grads[p].contiguous();
    for (int64_t at = 0; at < parameters[p].numel(); at += RUN) runs.emplace_back(p, at);
  }
  if (runs.empty()) return;
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "adam_step", [&] {
    using T = scalar_t;
    const skyloop::AdamStep<T> by{T(learningRate), T(beta1),       T(1 - beta1),   T(beta2), T(1 - beta2),
                                  T(eps),          T(correction1), T(correction2), decoupled};
    at::parallel_for(0, runs.size(), 4, [&](int64_t first, int64_t last) {
      for (int64_t run = first; run < last; run++) {
        const auto [p, at] = runs[run];
        const int64_t count = std::min(RUN, parameters[p].numel() - at);
        skyloop::kernels<T>().adamRun(by, T(decays[p]), count, parameters[p].data_ptr<T>() + at,
                                      whole[p].data_ptr<T>() + at, means[p].data_ptr<T>() + at,
                                      squares[p].data_ptr<T>() + at);
      }
    });
  });
  for (const auto& parameter : parameters) parameter.unsafeGetTensorImpl()->bump_version();
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def(
      "adam_step(Tensor[] parameters, Tensor[] grads, Tensor[] means, Tensor[] squares, float[] decays, float "
      "learning_rate, float beta1, float beta2, float eps, float correction1, "
      "float correction2, bool decoupled) -> ()");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) { library.impl("adam_step", adamStep); }
