// The operators of dense.cc where rows are few and weights large, as in a network's last stage: threads share the
// weights, not the rows. While training nothing is packed, and gradients of weights are written once, straight into the
// result.
#pragma once

namespace few {

using at::Tensor;

// Widths are whole cache lines, so that no row needs padding.
template <typename T>
bool fits(int64_t rows, int64_t inputs, int64_t outputs) {
  const auto whole = [](int64_t width) { return skyloop::plain::padded<T>(width) == width; };
  return rows <= 256 && inputs >= 128 && whole(inputs) && whole(outputs);
}

template <typename T>
constexpr const T* NO_BIAS = nullptr;

// body(first, last) over parts of n rows, whole tiles each.
template <typename Body>
void forEachRow(int64_t n, Body body) {
  constexpr int64_t RUN = 16;
  at::parallel_for(0, (n + RUN - 1) / RUN, 1,
                   [&](int64_t first, int64_t last) { body(first * RUN, std::min(n, last * RUN)); });
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
      : held(x, SKYLOOP_BEST_PRODUCTS(rightNumbers<T>, depth, wide)),
        at(from) {
    if (held.held.numel() == 0) return;
    at = held.at;
    at::parallel_for(0, SKYLOOP_BEST_PRODUCTS(panelsOf<T>, wide), 1, [&](int64_t first, int64_t last) {
      SKYLOOP_BEST_PRODUCTS(arrangeRight, first, last, depth, wide, from, held.at);
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
  void take(int64_t first, int64_t last, const T* from) const {
    SKYLOOP_BEST(transposeInto, first, last, rows, columns, from, values.at, wide);
  }
};

// The left side of the first product, and what its normalisation needs for gradients; transposed too where there is a
// `turned`.
template <typename T>
struct Left {
  Space<T> rows, normal, inverse;
  Left(const Tensor& x, const skyloop::Dense<T>& job, int64_t count, const Turned<T>* turned = nullptr)
      : rows(x, count * job.inputs),
        normal(x, count * job.inputs),
        inverse(x, count) {
    forEachRow(count, [&](int64_t first, int64_t last) {
      SKYLOOP_BEST(leftRows, job, first, last, rows.at, normal.at, inverse.at);
      if (turned != nullptr) turned->take(first, last, rows.at);
    });
  }
};

// The gradient of a branch, as it is and transposed.
template <typename T>
struct BranchGrad {
  Space<T> rows;
  Turned<T> turned;
  BranchGrad(const Tensor& x, const skyloop::Dense<T>& job, int64_t count, int64_t width, int64_t wide)
      : rows(x, count * width),
        turned(x, count, width, wide) {
    forEachRow(count, [&](int64_t first, int64_t last) {
      SKYLOOP_BEST(branchGradRows, job, first, last, width, rows.at);
      turned.take(first, last, rows.at);
    });
  }
};

// weight [outputs, inputs]
template <typename T>
void denseForward(const Tensor& x, const skyloop::Dense<T>& job, int64_t rows, const T* weight, const T* bias) {
  const int64_t wide = skyloop::plain::padded<T>(rows);
  const Turned<T> turnedLeft(x, rows, job.inputs, wide);
  const Left<T> left(x, job, rows, &turnedLeft);
  const Right<T> right(x, job.inputs, wide, turnedLeft.values.at);
  const Space<T> turned(x, job.outputs * wide), result(x, rows * job.outputs);
  forEachRow(job.outputs, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(rowsTimes, first, last, job.inputs, weight, job.inputs, 1, right.at, wide, bias, turned.at);
    SKYLOOP_BEST(transposeBack, first, last, rows, job.outputs, turned.at, wide, result.at);
  });
  forEachRow(rows,
             [&](int64_t first, int64_t last) { SKYLOOP_BEST(finish, job, first, last, job.outputs, result.at); });
}

// Gradients of the left side, through the normalisation, and of its weight and bias.
template <typename T>
void leftBackward(const skyloop::Dense<T>& job, int64_t rows, const Left<T>& left, T* gradLeft, T* gradNormWeight,
                  T* gradNormBias) {
  if (job.normWeight == nullptr) return;
  std::memset(gradNormWeight, 0, job.inputs * sizeof(T));
  std::memset(gradNormBias, 0, job.inputs * sizeof(T));
  SKYLOOP_BEST(normBackward, job, rows, left.normal.at, left.inverse.at, gradLeft, gradNormWeight, gradNormBias);
}

// Gradients of weight [outputs, inputs] and bias (or null), of the norm's parameters (or null), and, in job.gradX, of
// x.
template <typename T>
void denseBackward(const Tensor& x, const skyloop::Dense<T>& job, int64_t rows, const T* weight, T* gradWeight,
                   T* gradBias, T* gradNormWeight, T* gradNormBias) {
  const int64_t wide = skyloop::plain::padded<T>(rows);
  const Left<T> left(x, job, rows);
  const BranchGrad<T> grad(x, job, rows, job.outputs, wide);
  const T* turned = grad.turned.values.at;
  const Space<T> gradTurned(x, job.inputs * wide);
  const Right<T> rightRows(x, rows, job.inputs, left.rows.at), rightGrad(x, job.outputs, wide, turned);
  forEachRow(job.outputs, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(gradRowsTimes, first, last, rows, turned, wide, 1, rightRows.at, job.inputs, gradWeight);
    if (gradBias != nullptr) SKYLOOP_BEST(sumRows, first, last, rows, wide, turned, gradBias);
  });
  forEachRow(job.inputs, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(rowsTimes, first, last, job.outputs, weight, 1, job.inputs, rightGrad.at, wide, NO_BIAS<T>,
                          gradTurned.at);
    SKYLOOP_BEST(transposeBack, first, last, rows, job.inputs, gradTurned.at, wide, job.gradX);
  });
  leftBackward(job, rows, left, job.gradX, gradNormWeight, gradNormBias);
}

// weight1 [hiddens, inputs], weight2 [inputs, hiddens]; the values before GELU go to job.hidden, [hiddens, padded
// rows], unless that is null.
template <typename T>
void feedforwardForward(const Tensor& x, const skyloop::Dense<T>& job, int64_t rows, const T* weight1,
                        const T* weight2) {
  const int64_t wide = skyloop::plain::padded<T>(rows);
  const Turned<T> turnedLeft(x, rows, job.inputs, wide);
  const Left<T> left(x, job, rows, &turnedLeft);
  const Space<T> hidden(x, job.outputs * wide), turned(x, job.inputs * wide), result(x, rows * job.inputs);
  const Right<T> right(x, job.inputs, wide, turnedLeft.values.at);
  forEachRow(job.outputs, [&](int64_t first, int64_t last) {
    T* before = job.hidden == nullptr ? hidden.at : job.hidden;
    SKYLOOP_BEST_PRODUCTS(rowsTimes, first, last, job.inputs, weight1, job.inputs, 1, right.at, wide, job.bias1,
                          before);
    SKYLOOP_BEST(activate, first, last, wide, before, hidden.at);
  });
  const Right<T> rightHidden(x, job.outputs, wide, hidden.at);
  forEachRow(job.inputs, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(rowsTimes, first, last, job.outputs, weight2, job.outputs, 1, rightHidden.at, wide, job.bias2,
                          turned.at);
    SKYLOOP_BEST(transposeBack, first, last, rows, job.inputs, turned.at, wide, result.at);
  });
  forEachRow(rows, [&](int64_t first, int64_t last) { SKYLOOP_BEST(finish, job, first, last, job.inputs, result.at); });
}

// Gradients of both weights and biases and of the norm's parameters, and, in job.gradX, of x.
template <typename T>
void feedforwardBackward(const Tensor& x, const skyloop::Dense<T>& job, int64_t rows, const T* weight1,
                         const T* weight2, T* gradWeight1, T* gradBias1, T* gradWeight2, T* gradBias2,
                         T* gradNormWeight, T* gradNormBias) {
  const int64_t wide = skyloop::plain::padded<T>(rows), inputs = job.inputs, hiddens = job.outputs;
  const Left<T> left(x, job, rows);
  const BranchGrad<T> gradRows(x, job, rows, inputs, wide);
  const T* turned = gradRows.turned.values.at;
  const Space<T> grad(x, rows * inputs), active(x, hiddens * wide), gradHidden(x, hiddens * wide),
      activeRows(x, rows * hiddens), gradTurned(x, inputs * wide);
  const Right<T> rightGrad(x, inputs, wide, turned), rightRows(x, rows, inputs, left.rows.at);
  forEachRow(hiddens, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(rowsTimes, first, last, inputs, weight2, 1, hiddens, rightGrad.at, wide, NO_BIAS<T>,
                          gradHidden.at);
    SKYLOOP_BEST(activateBackward, first, last, wide, job.hidden, active.at, gradHidden.at);
    SKYLOOP_BEST_PRODUCTS(gradRowsTimes, first, last, rows, gradHidden.at, wide, 1, rightRows.at, inputs, gradWeight1);
    SKYLOOP_BEST(sumRows, first, last, rows, wide, gradHidden.at, gradBias1);
    SKYLOOP_BEST(transposeBack, first, last, rows, hiddens, active.at, wide, activeRows.at);
  });
  const Right<T> rightActive(x, rows, hiddens, activeRows.at), rightHidden(x, hiddens, wide, gradHidden.at);
  forEachRow(inputs, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(gradRowsTimes, first, last, rows, turned, wide, 1, rightActive.at, hiddens, gradWeight2);
    SKYLOOP_BEST(sumRows, first, last, rows, wide, turned, gradBias2);
    SKYLOOP_BEST_PRODUCTS(rowsTimes, first, last, hiddens, weight1, 1, inputs, rightHidden.at, wide, NO_BIAS<T>,
                          gradTurned.at);
    SKYLOOP_BEST(transposeBack, first, last, rows, inputs, gradTurned.at, wide, grad.at);
  });
  leftBackward(job, rows, left, grad.at, gradNormWeight, gradNormBias);
  for (int64_t i = 0; i < rows * inputs; i++) job.gradX[i] = job.gradOut[i] + grad.at[i];
}

// c [rows, columns] = a [rows, depth] by packed weights, plus bias; then `after` of the panels by the thread that made
// them.
template <typename T, typename After>
void timesPacked(int64_t rows, int64_t columns, int64_t depth, const T* a, const T* packed, const T* bias, T* c,
                 After after) {
  at::parallel_for(0, SKYLOOP_BEST_PRODUCTS(panelsOf<T>, columns), 1, [&](int64_t first, int64_t last) {
    SKYLOOP_BEST_PRODUCTS(panelsTimes, first, last, rows, columns, depth, a, packed, bias, c);
    after(first, last);
  });
}

// The forward operators with weights that were packed before (job.packed1, job.packed2).
template <typename T>
void denseForwardPacked(const Tensor& x, const skyloop::Dense<T>& job, int64_t rows) {
  const Left<T> left(x, job, rows);
  const Space<T> result(x, job.residual == nullptr ? 0 : rows * job.outputs);
  timesPacked(rows, job.outputs, job.inputs, left.rows.at, job.packed1, job.bias1,
              job.residual == nullptr ? job.out : result.at, [](int64_t, int64_t) {});
  if (job.residual != nullptr)
    forEachRow(rows,
               [&](int64_t first, int64_t last) { SKYLOOP_BEST(finish, job, first, last, job.outputs, result.at); });
}
template <typename T>
void feedforwardForwardPacked(const Tensor& x, const skyloop::Dense<T>& job, int64_t rows) {
  const Left<T> left(x, job, rows);
  const Space<T> hidden(x, rows * job.outputs), result(x, rows * job.inputs);
  timesPacked(rows, job.outputs, job.inputs, left.rows.at, job.packed1, job.bias1, hidden.at,
              [&](int64_t first, int64_t last) {
                SKYLOOP_BEST_PRODUCTS(activatePanels, first, last, rows, job.outputs, hidden.at);
              });
  timesPacked(rows, job.inputs, job.outputs, hidden.at, job.packed2, job.bias2, result.at, [](int64_t, int64_t) {});
  forEachRow(rows, [&](int64_t first, int64_t last) { SKYLOOP_BEST(finish, job, first, last, job.inputs, result.at); });
}

}  // namespace few
