// Layers for tall matrices, with what stands before and after their products (normalisation, GELU, residual), chunk by
// chunk of rows in buffers that stay in the second cache.

// ---- x + scale (norm(x) W^T + b) -------------------------------------------------------------------

template <typename T>
T factorOf(const Dense<T>& job, int64_t row) {
  return job.scale == nullptr ? T(1) : job.scale[(job.firstRow + row) / job.rowsPerScale];
}

// The left side of the product: rows, standardised and scaled where there is a norm. `normal` and `inverse` are filled
// only then.
template <typename T>
INLINE void leftSide(const Dense<T>& job, int64_t row, int64_t rows, T* left, T* normal, T* inverse) {
  if (job.normWeight == nullptr) return padRows(rows, job.inputs, job.x + row * job.inputs, T(1), left);
  if (padded<T>(job.inputs) == job.inputs)
    return normaliseRows(rows, job.inputs, job.x + row * job.inputs, job.normWeight, job.normBias, job.eps, left,
                         normal, inverse);
  standardiseRows(rows, job.inputs, job.x + row * job.inputs, job.eps, normal, inverse);
  scaleRows(rows, padded<T>(job.inputs), normal, job.normWeight, job.normBias, left);
}

// The same without what gradients need, and where it stands: in x itself if it is as it is there.
template <typename T>
INLINE const T* leftSideAlone(const Dense<T>& job, int64_t row, int64_t rows, T* left, T* normal, T* inverse) {
  const T* x = job.x + row * job.inputs;
  const bool whole = padded<T>(job.inputs) == job.inputs;
  if (whole && job.normWeight == nullptr) return x;
  if (whole)
    normaliseRows<T>(rows, job.inputs, x, job.normWeight, job.normBias, job.eps, left, nullptr, nullptr);
  else
    leftSide(job, row, rows, left, normal, inverse);
  return left;
}

// out = residual + scale * from, or from alone; rows of `from` are padded.
template <typename T>
INLINE void finishRows(const Dense<T>& job, int64_t row, int64_t rows, int64_t width, const T* from, T* out) {
  if (job.residual == nullptr) return unpadRows(rows, width, from, out + row * width);
  const int64_t wide = padded<T>(width);
  for (int64_t i = 0; i < rows; i++) {
    const T factor = factorOf(job, row + i);
    const T* base = job.residual + (row + i) * width;
    T* to = out + (row + i) * width;
    for (int64_t k = 0; k < width; k++) to[k] = base[k] + factor * from[i * wide + k];
  }
}

// The gradient of a branch that was scaled, padded.
template <typename T>
INLINE void branchGrad(const Dense<T>& job, int64_t row, int64_t rows, int64_t width, T* into) {
  for (int64_t i = 0; i < rows; i++)
    padRows(1, width, job.gradOut + (row + i) * width, factorOf(job, row + i), into + i * padded<T>(width));
}

// The same where it stands: in the operator's gradient itself if it is as it is there.
template <typename T>
INLINE const T* branchGradAlone(const Dense<T>& job, int64_t row, int64_t rows, int64_t width, T* into) {
  if (job.scale == nullptr && padded<T>(width) == width) return job.gradOut + row * width;
  branchGrad(job, row, rows, width, into);
  return into;
}

template <typename T>
void denseForward(const Dense<T>& job, Range range, T* buffer) {
  const int64_t wideIn = padded<T>(job.inputs), wideOut = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* result = normal + job.chunk * wideIn;
  T* inverse = result + job.chunk * wideOut;
  for (int64_t row = range.first; row < range.last; row += job.chunk) {
    const int64_t rows = range.last - row < job.chunk ? range.last - row : job.chunk;
    const T* from = leftSideAlone(job, row, rows, left, normal, inverse);
    const bool straight = wideOut == job.outputs && job.residual == nullptr;
    multiply<T>({{rows, job.outputs, job.inputs},
                 from,
                 wideIn,
                 job.packed1,
                 job.bias1,
                 straight ? job.out + row * job.outputs : result});
    if (!straight) finishRows(job, row, rows, job.outputs, result, job.out);
  }
}

template <typename T>
void denseBackward(const Dense<T>& job, Range range, T* buffer, const Sums<T>& sums) {
  const int64_t wideIn = padded<T>(job.inputs), wideOut = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* grad = normal + job.chunk * wideIn;
  T* gradLeft = grad + job.chunk * wideOut;
  T* inverse = gradLeft + job.chunk * wideIn;
  for (int64_t row = range.first; row < range.last; row += job.chunk) {
    const int64_t rows = range.last - row < job.chunk ? range.last - row : job.chunk;
    // Without a norm, and where rows need no padding, neither x nor its gradient is copied.
    const bool straight = job.normWeight == nullptr && wideIn == job.inputs;
    if (!straight) leftSide(job, row, rows, left, normal, inverse);
    const T* from = straight ? job.x + row * job.inputs : left;
    const T* slopes = branchGradAlone(job, row, rows, job.outputs, grad);
    multiply<T>({{rows, job.inputs, job.outputs},
                 slopes,
                 wideOut,
                 job.packed1,
                 nullptr,
                 straight ? job.gradX + row * job.inputs : gradLeft});
    addOuter(rows, job.outputs, job.inputs, slopes, from, sums.weight1);
    if (sums.bias1 != nullptr) addColumnSums(rows, wideOut, slopes, sums.bias1);
    if (straight) continue;
    if (job.normWeight != nullptr)
      standardiseBackward(rows, job.inputs, normal, inverse, job.normWeight, gradLeft, sums.normWeight, sums.normBias);
    unpadRows(rows, job.inputs, gradLeft, job.gradX + row * job.inputs);
  }
}

// ---- x + scale (W2 gelu(W1 norm(x) + b1) + b2) -----------------------------------------------------

template <typename T>
void feedforwardForward(const Dense<T>& job, Range range, T* buffer) {
  const int64_t wideIn = padded<T>(job.inputs), wideHidden = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* hidden = normal + job.chunk * wideIn;
  T* inverse = hidden + job.chunk * wideHidden;
  for (int64_t row = range.first; row < range.last; row += job.chunk) {
    const int64_t rows = range.last - row < job.chunk ? range.last - row : job.chunk;
    const T* from = leftSideAlone(job, row, rows, left, normal, inverse);
    T* before = job.hidden != nullptr && wideHidden == job.outputs ? job.hidden + row * job.outputs : hidden;
    multiply<T>({{rows, job.outputs, job.inputs}, from, wideIn, job.packed1, job.bias1, before});
    if (job.hidden != nullptr && before == hidden) unpadRows(rows, job.outputs, hidden, job.hidden + row * job.outputs);
    geluRows(rows * wideHidden, before, hidden);
    multiply<T>({{rows, job.inputs, job.outputs}, hidden, wideHidden, job.packed2, job.bias2, left});
    finishRows(job, row, rows, job.inputs, left, job.out);
  }
}

template <typename T>
void feedforwardBackward(const Dense<T>& job, Range range, T* buffer, const Sums<T>& sums) {
  const int64_t wideIn = padded<T>(job.inputs), wideHidden = padded<T>(job.outputs);
  T* left = buffer;
  T* normal = left + job.chunk * wideIn;
  T* grad = normal + job.chunk * wideIn;
  T* hidden = grad + job.chunk * wideIn;
  T* gradHidden = hidden + job.chunk * wideHidden;
  T* inverse = gradHidden + job.chunk * wideHidden;
  for (int64_t row = range.first; row < range.last; row += job.chunk) {
    const int64_t rows = range.last - row < job.chunk ? range.last - row : job.chunk;
    branchGrad(job, row, rows, job.inputs, grad);
    multiply<T>({{rows, job.outputs, job.inputs}, grad, wideIn, job.packed2, nullptr, gradHidden});
    const T* before = job.hidden + row * job.outputs;
    if (wideHidden != job.outputs) {
      padRows(rows, job.outputs, before, T(1), hidden);
      before = hidden;
    }
    geluBackward(rows * wideHidden, before, hidden, gradHidden);
    addOuter(rows, job.inputs, job.outputs, grad, hidden, sums.weight2);
    addColumnSums(rows, wideIn, grad, sums.bias2);
    leftSide(job, row, rows, left, normal, inverse);
    addOuter(rows, job.outputs, job.inputs, gradHidden, left, sums.weight1);
    addColumnSums(rows, wideHidden, gradHidden, sums.bias1);
    multiply<T>({{rows, job.inputs, job.outputs}, gradHidden, wideHidden, job.packed1, nullptr, left});
    standardiseBackward(rows, job.inputs, normal, inverse, job.normWeight, left, sums.normWeight, sums.normBias);
    // The branch's gradient and that of the residual.
    for (int64_t i = 0; i < rows; i++)
      for (int64_t k = 0; k < job.inputs; k++)
        job.gradX[(row + i) * job.inputs + k] = job.gradOut[(row + i) * job.inputs + k] + left[i * wideIn + k];
  }
}
