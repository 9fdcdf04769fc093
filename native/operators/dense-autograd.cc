// The gradients of dense.cc's operators, for autograd.
#include <tuple>

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "dense-ops.h"
#include "packed-weights.h"

namespace {

using at::Tensor;
using Optional = skyloop::OptionalTensor;

bool isRecorded(std::initializer_list<Tensor> tensors) {
  if (!at::GradMode::is_enabled()) return false;
  for (const auto& tensor : tensors)
    if (tensor.defined() && tensor.requires_grad()) return true;
  return false;
}

Optional optional(const Tensor& tensor) { return tensor.defined() ? Optional(tensor) : c10::nullopt; }

struct DenseFunction : torch::autograd::Function<DenseFunction> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Optional& normWeight,
                        const Optional& normBias, double eps, const Tensor& weight, const Optional& bias,
                        const Optional& residual, const Optional& scale) {
    at::AutoDispatchBelowADInplaceOrView below;
    const skyloop::TrainingStep step;
    context->save_for_backward(
        {x, normWeight.value_or(Tensor()), normBias.value_or(Tensor()), weight, scale.value_or(Tensor())});
    context->saved_data["eps"] = eps;
    context->saved_data["residual"] = residual.has_value();
    context->saved_data["bias"] = bias.has_value();
    static auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::dense", "").typed<decltype(skyloop::dense)>();
    return op.call(x, normWeight, normBias, eps, weight, bias, residual, scale);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::dense_backward", "")
                         .typed<decltype(skyloop::denseBackward)>();
    auto [gradX, gradNormWeight, gradNormBias, gradWeight, gradBias] =
        op.call(grads[0], saved[0], optional(saved[1]), optional(saved[2]), context->saved_data["eps"].toDouble(),
                saved[3], context->saved_data["bias"].toBool(), optional(saved[4]));
    return {gradX,
            gradNormWeight,
            gradNormBias,
            Tensor(),
            gradWeight,
            gradBias,
            context->saved_data["residual"].toBool() ? grads[0] : Tensor(),
            Tensor()};
  }
};

Tensor denseRecorded(const Tensor& x, const Optional& normWeight, const Optional& normBias, double eps,
                     const Tensor& weight, const Optional& bias, const Optional& residual, const Optional& scale) {
  const auto plain = [](const Optional& tensor) { return tensor.value_or(Tensor()); };
  if (isRecorded({x, plain(normWeight), plain(normBias), weight, plain(bias), plain(residual)}))
    return DenseFunction::apply(x, normWeight, normBias, eps, weight, bias, residual, scale);
  at::AutoDispatchBelowADInplaceOrView below;
  static auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::dense", "").typed<decltype(skyloop::dense)>();
  return op.call(x, normWeight, normBias, eps, weight, bias, residual, scale);
}

struct FeedforwardFunction : torch::autograd::Function<FeedforwardFunction> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& normWeight,
                        const Tensor& normBias, double eps, const Tensor& weight1, const Tensor& bias1,
                        const Tensor& weight2, const Tensor& bias2, const Optional& scale) {
    at::AutoDispatchBelowADInplaceOrView below;
    const skyloop::TrainingStep step;
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::feedforward_kept", "")
                         .typed<decltype(skyloop::feedforwardKept)>();
    auto [out, hidden] = op.call(x, normWeight, normBias, eps, weight1, bias1, weight2, bias2, scale, true);
    context->save_for_backward({x, normWeight, normBias, weight1, weight2, scale.value_or(Tensor()), hidden});
    context->saved_data["eps"] = eps;
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::feedforward_backward", "")
                         .typed<decltype(skyloop::feedforwardBackward)>();
    auto [gradX, gradNormWeight, gradNormBias, gradWeight1, gradBias1, gradWeight2, gradBias2] =
        op.call(grads[0], saved[6], saved[0], saved[1], saved[2], context->saved_data["eps"].toDouble(), saved[3],
                saved[4], optional(saved[5]));
    return {gradX, gradNormWeight, gradNormBias, Tensor(), gradWeight1, gradBias1, gradWeight2, gradBias2, Tensor()};
  }
};

Tensor feedforwardRecorded(const Tensor& x, const Tensor& normWeight, const Tensor& normBias, double eps,
                           const Tensor& weight1, const Tensor& bias1, const Tensor& weight2, const Tensor& bias2,
                           const Optional& scale) {
  if (isRecorded({x, normWeight, normBias, weight1, bias1, weight2, bias2}))
    return FeedforwardFunction::apply(x, normWeight, normBias, eps, weight1, bias1, weight2, bias2, scale);
  at::AutoDispatchBelowADInplaceOrView below;
  static auto op = c10::Dispatcher::singleton()
                       .findSchemaOrThrow("skyloop::feedforward", "")
                       .typed<decltype(skyloop::feedforward)>();
  return op.call(x, normWeight, normBias, eps, weight1, bias1, weight2, bias2, scale);
}

}  // namespace

TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) {
  library.impl("dense", denseRecorded);
  library.impl("feedforward", feedforwardRecorded);
}
