// The operators of dense.cc on the CPU; dense-autograd.cc records them.
#pragma once
#include <memory>
#include <tuple>

#include <ATen/ATen.h>

namespace skyloop {

using OptionalTensor = c10::optional<at::Tensor>;

// Whether so few rows go through so large weights that threads share the weights, and what is kept for gradients lies
// otherwise.
bool hasFewRows(int64_t rows, int64_t inputs, int64_t outputs);

// A layer in single precision with its weights as products want them, to be run over some rows on the caller's thread.
// Nothing is recorded.
class PreparedLayer {
 public:
  // x -> norm(x) weight^T + bias
  static PreparedLayer linear(const at::Tensor& normWeight, const at::Tensor& normBias, double eps,
                              const at::Tensor& weight, const at::Tensor& bias);
  // x -> gelu(norm(x) weight1^T + bias1) weight2^T + bias2
  static PreparedLayer feedforward(const at::Tensor& normWeight, const at::Tensor& normBias, double eps,
                                   const at::Tensor& weight1, const at::Tensor& bias1, const at::Tensor& weight2,
                                   const at::Tensor& bias2);
  // Numbers of the buffer that `run` needs.
  int64_t bufferNumbers() const;
  // What a training step adds: a factor for each sample's result, and where values before GELU are kept (each may be
  // null).
  struct Training {
    const float* scale;
    int64_t rowsPerScale, firstRow;  // firstRow: of all rows, the one that `run` begins with
    float* hidden;
  };
  // out = residual (or null) + what the layer makes of x; out may be the residual.
  void run(int64_t rows, const float* x, const float* residual, float* out, float* buffer,
           const Training& training = {nullptr, 1, 0, nullptr}) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// residual + scale * (norm(x) weight^T + bias), each as far as given.
at::Tensor dense(const at::Tensor& x, const OptionalTensor& normWeight, const OptionalTensor& normBias, double eps,
                 const at::Tensor& weight, const OptionalTensor& bias, const OptionalTensor& residual,
                 const OptionalTensor& scale);
// -> gradients of x, norm's weight and bias, weight, bias; undefined where there is no such argument
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> denseBackward(
    const at::Tensor& grad, const at::Tensor& x, const OptionalTensor& normWeight, const OptionalTensor& normBias,
    double eps, const at::Tensor& weight, bool hasBias, const OptionalTensor& scale);
// x + scale * (gelu(norm(x) weight1^T + bias1) weight2^T + bias2)
at::Tensor feedforward(const at::Tensor& x, const at::Tensor& normWeight, const at::Tensor& normBias, double eps,
                       const at::Tensor& weight1, const at::Tensor& bias1, const at::Tensor& weight2,
                       const at::Tensor& bias2, const OptionalTensor& scale);
// -> the same, and the values before GELU where `keep`
std::tuple<at::Tensor, at::Tensor> feedforwardKept(const at::Tensor& x, const at::Tensor& normWeight,
                                                   const at::Tensor& normBias, double eps, const at::Tensor& weight1,
                                                   const at::Tensor& bias1, const at::Tensor& weight2,
                                                   const at::Tensor& bias2, const OptionalTensor& scale, bool keep);
// -> gradients of x, norm's weight and bias, first weight and bias, second weight and bias
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> feedforwardBackward(
    const at::Tensor& grad, const at::Tensor& hidden, const at::Tensor& x, const at::Tensor& normWeight,
    const at::Tensor& normBias, double eps, const at::Tensor& weight1, const at::Tensor& weight2,
    const OptionalTensor& scale);

}  // namespace skyloop
