// What stands before and after products, row by row: padding, normalisation and GELU, with their gradients.

// Rows of `width` numbers into rows of padded width, the padding zero, times factor.
template <typename T>
INLINE void padRows(int64_t rows, int64_t width, const T* from, T factor, T* into) {
  const int64_t wide = padded<T>(width);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t k = 0; k < width; k++) into[i * wide + k] = from[i * width + k] * factor;
    for (int64_t k = width; k < wide; k++) into[i * wide + k] = 0;
  }
}

// The inverse.
template <typename T>
INLINE void unpadRows(int64_t rows, int64_t width, const T* from, T* into) {
  const int64_t wide = padded<T>(width);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < width; k++) into[i * width + k] = from[i * wide + k];
}

// Rows brought to mean 0 and variance 1 (padded), and one over their standard deviations.
template <typename T>
INLINE void standardiseRows(int64_t rows, int64_t width, const T* from, T eps, T* into, T* inverse) {
  const int64_t wide = padded<T>(width);
  padRows(rows, width, from, T(1), into);
  for (int64_t i = 0; i < rows; i++) {
    T* row = into + i * wide;
    Vector<T> total = Vector<T>{};
    for (int64_t k = 0; k < wide; k += LANES<T>) total += load(row + k);
    const T mean = sumOf(total)[0] / T(width);
    Vector<T> squares = Vector<T>{};
    for (int64_t k = 0; k < wide; k += LANES<T>) store(row + k, load(row + k) - mean);
    for (int64_t k = width; k < wide; k++) row[k] = 0;
    for (int64_t k = 0; k < wide; k += LANES<T>) squares += load(row + k) * load(row + k);
    inverse[i] = T(1) / std::sqrt(sumOf(squares)[0] / T(width) + eps);
    for (int64_t k = 0; k < wide; k += LANES<T>) store(row + k, load(row + k) * inverse[i]);
  }
}

// Rows times weight plus bias, all padded.
template <typename T>
INLINE void scaleRows(int64_t rows, int64_t wide, const T* from, const T* weight, const T* bias, T* into) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < wide; k += LANES<T>)
      store(into + i * wide + k, load(from + i * wide + k) * load(weight + k) + load(bias + k));
}

// Both at once, of rows that need no padding; what gradients need is left out where `normal` is null.
template <typename T>
INLINE void normaliseRows(int64_t rows, int64_t width, const T* from, const T* weight, const T* bias, T eps, T* into,
                          T* normal, T* inverse) {
  constexpr int64_t L = LANES<T>;
  for (int64_t i = 0; i < rows; i++) {
    const T* row = from + i * width;
    Vector<T> total = Vector<T>{}, squares = Vector<T>{};
    for (int64_t k = 0; k < width; k += L) total += load(row + k);
    const Vector<T> mean = sumOf(total) / T(width);
    for (int64_t k = 0; k < width; k += L) {
      const Vector<T> away = load(row + k) - mean;
      squares += away * away;
    }
    const T scale = T(1) / std::sqrt(sumOf(squares)[0] / T(width) + eps);
    if (normal != nullptr) inverse[i] = scale;
    for (int64_t k = 0; k < width; k += L) {
      const Vector<T> value = (load(row + k) - mean) * scale;
      if (normal != nullptr) store(normal + i * width + k, value);
      store(into + i * width + k, value * load(weight + k) + load(bias + k));
    }
  }
}

// The gradient of `scaleRows(standardiseRows(x))` from that of its result, in place; adds to those of weight and bias.
template <typename T>
INLINE void standardiseBackward(int64_t rows, int64_t width, const T* normal, const T* inverse, const T* weight,
                                T* grad, T* gradWeight, T* gradBias) {
  const int64_t wide = padded<T>(width);
  for (int64_t i = 0; i < rows; i++) {
    T* row = grad + i * wide;
    const T* value = normal + i * wide;
    Vector<T> total = Vector<T>{}, along = Vector<T>{};
    for (int64_t k = 0; k < wide; k += LANES<T>) {
      const Vector<T> slope = load(row + k), x = load(value + k), weighted = slope * load(weight + k);
      store(gradWeight + k, load(gradWeight + k) + slope * x);
      store(gradBias + k, load(gradBias + k) + slope);
      total += weighted;
      along += weighted * x;
      store(row + k, weighted);
    }
    const T mean = sumOf(total)[0] / T(width), share = sumOf(along)[0] / T(width);
    for (int64_t k = 0; k < wide; k += LANES<T>)
      store(row + k, (load(row + k) - mean - load(value + k) * share) * inverse[i]);
  }
}

template <typename T>
INLINE void addColumnSums(int64_t rows, int64_t wide, const T* from, T* sums) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < wide; k += LANES<T>) store(sums + k, load(sums + k) + load(from + i * wide + k));
}

// The normal distribution's integral up to x and its density there, by Abramowitz and Stegun (1964), 7.1.26: 1.5e-7 of
// error.
INLINE void normalDistribution(Vector<float> x, Vector<float>& integral, Vector<float>& density) {
  const Vector<float> size = x < 0.0f ? -x : x;
  const Vector<float> fall = expOfNegative(x * x * -0.5f);
  const Vector<float> t = reciprocal(size * (0.3275911f * 0.70710678118654752f) + 1.0f);
  Vector<float> tail = all<float>(1.061405429f * 0.5f);
  tail = tail * t + -1.453152027f * 0.5f;
  tail = tail * t + 1.421413741f * 0.5f;
  tail = tail * t + -0.284496736f * 0.5f;
  tail = tail * t + 0.254829592f * 0.5f;
  tail = tail * t * fall;
  integral = x < 0.0f ? tail : 1.0f - tail;
  density = fall * 0.39894228040143268f;
}
INLINE void normalDistribution(Vector<double> x, Vector<double>& integral, Vector<double>& density) {
  for (int64_t i = 0; i < LANES<double>; i++) {
    integral[i] = 0.5 * std::erfc(-x[i] * 0.70710678118654752440);
    density[i] = std::exp(-0.5 * x[i] * x[i]) * 0.39894228040143267794;
  }
}

// The integral alone, by a ratio of polynomials between -5.4 and 5.4 (of least largest error times |x|): up to 1.1e-6
// of error in x times it, and no exponential.
INLINE Vector<float> normalIntegral(Vector<float> x) {
  const Vector<float> z = smaller(larger(x, all<float>(-5.4f)), all<float>(5.4f));
  const Vector<float> square = z * z;
  Vector<float> above = all<float>(9.25460779e-6f);
  above = above * square + 5.09689426e-4f;
  above = above * square + 6.730036e-3f;
  above = above * square + 6.66559867e-2f;
  above = above * square + 3.98938558e-1f;
  Vector<float> below = all<float>(7.5150317e-7f);
  below = below * square + 1.86276351e-4f;
  below = below * square + 3.79820468e-3f;
  below = below * square + 4.75411292e-2f;
  below = below * square + 3.33710103e-1f;
  below = below * square + 1.0f;
  return z * above * reciprocal(below) + 0.5f;
}
INLINE Vector<double> normalIntegral(Vector<double> x) {
  for (int64_t i = 0; i < LANES<double>; i++) x[i] = 0.5 * std::erfc(-x[i] * 0.70710678118654752440);
  return x;
}

template <typename T>
INLINE void geluRows(int64_t count, const T* from, T* into) {
  for (int64_t k = 0; k < count; k += LANES<T>) store(into + k, load(from + k) * normalIntegral(load(from + k)));
}

// GELU of `from`, and `grad` after it becomes that before it.
template <typename T>
INLINE void geluBackward(int64_t count, const T* from, T* into, T* grad) {
  for (int64_t k = 0; k < count; k += LANES<T>) {
    const Vector<T> x = load(from + k);
    Vector<T> integral, density;
    normalDistribution(x, integral, density);
    store(into + k, x * integral);
    store(grad + k, load(grad + k) * (integral + x * density));
  }
}
