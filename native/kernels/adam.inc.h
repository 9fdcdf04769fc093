// One step of Adam over a run of numbers.

template <typename T>
void adamRun(const AdamStep<T>& by, T decay, int64_t count, T* __restrict parameter, const T* __restrict gradAny,
             T* __restrict mean, T* __restrict square) {
  const T keep = by.decoupled ? T(1 - double(by.learningRate) * decay) : T(1), added = by.decoupled ? T(0) : decay;
  const T rate = by.learningRate / by.correction1, inverse = T(1) / by.correction2;
  for (int64_t i = 0; i < count; i++) {
    const T grad = gradAny[i] + added * parameter[i];
    mean[i] = by.beta1 * mean[i] + (by.rest1) * grad;
    square[i] = by.beta2 * square[i] + (by.rest2) * grad * grad;
    parameter[i] = keep * parameter[i] - rate * mean[i] / (std::sqrt(square[i]) * inverse + by.eps);
  }
}
