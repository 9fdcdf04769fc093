// The operators of dense.cc where rows are few and weights large, as in a network's last stage: threads share the
// weights, not the rows. While training nothing is packed, and gradients of weights are written once, straight into the
// result.
#pragma once

namespace few {

using at::Tensor;
using skyloop::Dense;
using skyloop::kernels;
using skyloop::Range;
using skyloop::Sums;

// Widths are whole cache lines, so that no row needs padding.
template <typename T>
bool fits(int64_t rows, int64_t inputs, int64_t outputs) {
  const auto whole = [](int64_t width) { return skyloop::padded<T>(width) == width; };
  return rows <= 256 && inputs >= 128 && whole(inputs) && whole(outputs);
}

// body(range) over parts of n rows, whole tiles each.
template <typename Body>
void forEachRow(int64_t n, Body body) {
  constexpr int64_t RUN = 16;
  at::parallel_for(0, (n + RUN - 1) / RUN, 1, [&](int64_t first, int64_t last) {
    body(Range{first * RUN, std::min(n, last * RUN)});
  });
}

// Memory for so many numbers.
template <typename T>
struct Space {
  Tensor held;
  T* at;
  Space(const Tensor& like, int64_t numbers) : held(at::empty({numbers}, like.options())), at(held.data_ptr<T>()) {}
};

// The right side of a product as this processor and precision want it.
template <typename T>
struct Right {
  Space<T> held;
  const T* at;
  Right(const Tensor& x, int64_t depth, int64_t wide, const T* from)
      : held(x, kernels<T>().rightNumbers(depth, wide)),
        at(from) {
    if (held.held.numel() == 0) return;
    at = held.at;
    at::parallel_for(0, kernels<T>().panelsOf(wide), 1, [&](int64_t first, int64_t last) {
      kernels<T>().arrangeRight({first, last}, depth, wide, from, held.at);
    });
  }
};

// Numbers [rows, columns] of a right side transposed: made by rows, as they are written.
template <typename T>
struct Turned {
  int64_t rows, columns, wide;
  Space<T> values;  // [columns, wide]
  Turned(const Tensor& x, int64_t rows, int64_t columns, int64_t wide)
      : rows(rows),
        columns(columns),
        wide(wide),
        values(x, columns * wide) {}
  void take(Range range, const T* from) const {
    kernels<T>().transposeInto(range, rows, columns, from, {values.at, wide});
  }
};

// The left side of the first product, and what its normalisation needs for gradients; transposed too where there is a
// `turned`.
template <typename T>
struct Left {
  Space<T> rows, normal, inverse;
  Left(const Tensor& x, const Dense<T>& job, int64_t count, const Turned<T>* turned = nullptr)
      : rows(x, count * job.inputs),
        normal(x, count * job.inputs),
        inverse(x, count) {
    forEachRow(count, [&](Range range) {
      kernels<T>().leftRows(job, range, rows.at, normal.at, inverse.at);
      if (turned != nullptr) turned->take(range, rows.at);
    });
  }
};

// The gradient of a branch, as it is and transposed.
template <typename T>
struct BranchGrad {
  Space<T> rows;
  Turned<T> turned;
  BranchGrad(const Tensor& x, const Dense<T>& job, int64_t count, int64_t width, int64_t wide)
      : rows(x, count * width),
        turned(x, count, width, wide) {
    forEachRow(count, [&](Range range) {
      kernels<T>().branchGradRows(job, range, width, rows.at);
      turned.take(range, rows.at);
    });
  }
};

// weight [outputs, inputs]
template <typename T>
void denseForward(const Tensor& x, const Dense<T>& job, int64_t rows, const T* weight, const T* bias) {
  const int64_t wide = skyloop::padded<T>(rows);
  const Turned<T> turnedLeft(x, rows, job.inputs, wide);
  const Left<T> left(x, job, rows, &turnedLeft);
  const Right<T> right(x, job.inputs, wide, turnedLeft.values.at);
  const Space<T> turned(x, job.outputs * wide), result(x, rows * job.outputs);
  forEachRow(job.outputs, [&](Range range) {
    kernels<T>().rowsTimes(range, {job.inputs, {weight, job.inputs, 1}, right.at, wide, bias, turned.at});
    kernels<T>().transposeBack(range, rows, job.outputs, {turned.at, wide}, result.at);
  });
  forEachRow(rows, [&](Range range) { kernels<T>().finish(job, range, job.outputs, result.at); });
}

// Gradients of the left side, through the normalisation, and of its weight and bias.
template <typename T>
void leftBackward(const Dense<T>& job, int64_t rows, const Left<T>& left, T* gradLeft, const Sums<T>& into) {
  if (job.normWeight == nullptr) return;
  std::memset(into.normWeight, 0, job.inputs * sizeof(T));
  std::memset(into.normBias, 0, job.inputs * sizeof(T));
  kernels<T>().normBackward(job, rows, left.normal.at, left.inverse.at, gradLeft, into.normWeight, into.normBias);
}

// Gradients of weight [outputs, inputs] and bias (or null), of the norm's parameters (or null), and, in job.gradX, of
// x.
template <typename T>
void denseBackward(const Tensor& x, const Dense<T>& job, int64_t rows, const T* weight, const Sums<T>& into) {
  const int64_t wide = skyloop::padded<T>(rows);
  const Left<T> left(x, job, rows);
  const BranchGrad<T> grad(x, job, rows, job.outputs, wide);
  const T* turned = grad.turned.values.at;
  const Space<T> gradTurned(x, job.inputs * wide);
  const Right<T> rightRows(x, rows, job.inputs, left.rows.at), rightGrad(x, job.outputs, wide, turned);
  forEachRow(job.outputs, [&](Range range) {
    kernels<T>().gradRowsTimes(range, {rows, {turned, wide, 1}, rightRows.at, job.inputs, nullptr, into.weight1});
    if (into.bias1 != nullptr) kernels<T>().sumRows(range, rows, wide, turned, into.bias1);
  });
  forEachRow(job.inputs, [&](Range range) {
    kernels<T>().rowsTimes(range, {job.outputs, {weight, 1, job.inputs}, rightGrad.at, wide, nullptr, gradTurned.at});
    kernels<T>().transposeBack(range, rows, job.inputs, {gradTurned.at, wide}, job.gradX);
  });
  leftBackward(job, rows, left, job.gradX, into);
}

// weight1 [hiddens, inputs], weight2 [inputs, hiddens]; the values before GELU go to job.hidden, [hiddens, padded
// rows], unless that is null.
template <typename T>
void feedforwardForward(const Tensor& x, const Dense<T>& job, int64_t rows, const T* weight1, const T* weight2) {
  const int64_t wide = skyloop::padded<T>(rows);
  const Turned<T> turnedLeft(x, rows, job.inputs, wide);
  const Left<T> left(x, job, rows, &turnedLeft);
  const Space<T> hidden(x, job.outputs * wide), turned(x, job.inputs * wide), result(x, rows * job.inputs);
  const Right<T> right(x, job.inputs, wide, turnedLeft.values.at);
  forEachRow(job.outputs, [&](Range range) {
    T* before = job.hidden == nullptr ? hidden.at : job.hidden;
    kernels<T>().rowsTimes(range, {job.inputs, {weight1, job.inputs, 1}, right.at, wide, job.bias1, before});
    kernels<T>().activate(range, wide, before, hidden.at);
  });
  const Right<T> rightHidden(x, job.outputs, wide, hidden.at);
  forEachRow(job.inputs, [&](Range range) {
    kernels<T>().rowsTimes(range, {job.outputs, {weight2, job.outputs, 1}, rightHidden.at, wide, job.bias2, turned.at});
    kernels<T>().transposeBack(range, rows, job.inputs, {turned.at, wide}, result.at);
  });
  forEachRow(rows, [&](Range range) { kernels<T>().finish(job, range, job.inputs, result.at); });
}

// Gradients of both weights and biases and of the norm's parameters, and, in job.gradX, of x.
template <typename T>
void feedforwardBackward(const Tensor& x, const Dense<T>& job, int64_t rows, const T* weight1, const T* weight2,
                         const Sums<T>& into) {
  const int64_t wide = skyloop::padded<T>(rows), inputs = job.inputs, hiddens = job.outputs;
  const Left<T> left(x, job, rows);
  const BranchGrad<T> gradRows(x, job, rows, inputs, wide);
  const T* turned = gradRows.turned.values.at;
  const Space<T> grad(x, rows * inputs), active(x, hiddens * wide), gradHidden(x, hiddens * wide),
      activeRows(x, rows * hiddens), gradTurned(x, inputs * wide);
  const Right<T> rightGrad(x, inputs, wide, turned), rightRows(x, rows, inputs, left.rows.at);
  forEachRow(hiddens, [&](Range range) {
    kernels<T>().rowsTimes(range, {inputs, {weight2, 1, hiddens}, rightGrad.at, wide, nullptr, gradHidden.at});
    kernels<T>().activateBackward(range, wide, job.hidden, active.at, gradHidden.at);
    kernels<T>().gradRowsTimes(range, {rows, {gradHidden.at, wide, 1}, rightRows.at, inputs, nullptr, into.weight1});
    kernels<T>().sumRows(range, rows, wide, gradHidden.at, into.bias1);
    kernels<T>().transposeBack(range, rows, hiddens, {active.at, wide}, activeRows.at);
  });
  const Right<T> rightActive(x, rows, hiddens, activeRows.at), rightHidden(x, hiddens, wide, gradHidden.at);
  forEachRow(inputs, [&](Range range) {
    kernels<T>().gradRowsTimes(range, {rows, {turned, wide, 1}, rightActive.at, hiddens, nullptr, into.weight2});
    kernels<T>().sumRows(range, rows, wide, turned, into.bias2);
    kernels<T>().rowsTimes(range, {hiddens, {weight1, 1, inputs}, rightHidden.at, wide, nullptr, gradTurned.at});
    kernels<T>().transposeBack(range, rows, inputs, {gradTurned.at, wide}, grad.at);
  });
  leftBackward(job, rows, left, grad.at, into);
  for (int64_t i = 0; i < rows * inputs; i++) job.gradX[i] = job.gradOut[i] + grad.at[i];
}

// A product by packed weights; then `after` of the panels by the thread that made them.
template <typename T, typename After>
void timesPacked(const skyloop::PackedProduct<T>& product, After after) {
  at::parallel_for(0, kernels<T>().panelsOf(product.size.columns), 1, [&](int64_t first, int64_t last) {
    kernels<T>().panelsTimes({first, last}, product);
    after(Range{first, last});
  });
}

// The forward operators with weights that were packed before (job.packed1, job.packed2).
template <typename T>
void denseForwardPacked(const Tensor& x, const Dense<T>& job, int64_t rows) {
  const Left<T> left(x, job, rows);
  const Space<T> result(x, job.residual == nullptr ? 0 : rows * job.outputs);
  timesPacked<T>({{rows, job.outputs, job.inputs},
                  left.rows.at,
                  job.inputs,
                  job.packed1,
                  job.bias1,
                  job.residual == nullptr ? job.out : result.at},
                 [](Range) {});
  if (job.residual != nullptr)
    forEachRow(rows, [&](Range range) { kernels<T>().finish(job, range, job.outputs, result.at); });
}
template <typename T>
void feedforwardForwardPacked(const Tensor& x, const Dense<T>& job, int64_t rows) {
  const Left<T> left(x, job, rows);
  const Space<T> hidden(x, rows * job.outputs), result(x, rows * job.inputs);
  timesPacked<T>({{rows, job.outputs, job.inputs}, left.rows.at, job.inputs, job.packed1, job.bias1, hidden.at},
                 [&](Range panels) { kernels<T>().activatePanels(panels, rows, job.outputs, hidden.at); });
  timesPacked<T>({{rows, job.inputs, job.outputs}, hidden.at, job.outputs, job.packed2, job.bias2, result.at},
                 [](Range) {});
  forEachRow(rows, [&](Range range) { kernels<T>().finish(job, range, job.inputs, result.at); });
}

}  // namespace few
