// Weighted sums of a map's rows of channels, and their gradients.

// VECTORS vectors of to = sum of weight * row over the taps.
template <typename T, int VECTORS>
INLINE void gatherVectors(const Tap<T>* taps, int64_t count, int64_t channels, const T* from, T* to) {
  Vector<T> sums[VECTORS] = {};
  for (int64_t n = 0; n < count; n++) {
    const Vector<T> weight = all<T>(taps[n].weight);
    const T* row = from + taps[n].place * channels;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) sums[v] += weight * load(row + v * LANES<T>);
  }
#pragma GCC unroll 4
  for (int v = 0; v < VECTORS; v++) store(to + v * LANES<T>, sums[v]);
}
// to [channels] = sum of weight * row of from [places, channels] over the taps.
template <typename T>
void gatherTaps(const Tap<T>* taps, int64_t count, int64_t channels, const T* from, T* to) {
  constexpr int64_t L = LANES<T>;
  int64_t c = 0;
  for (; c + 4 * L <= channels; c += 4 * L) gatherVectors<T, 4>(taps, count, channels, from + c, to + c);
  for (; c + L <= channels; c += L) gatherVectors<T, 1>(taps, count, channels, from + c, to + c);
  for (; c < channels; c++) {
    T sum = 0;
    for (int64_t n = 0; n < count; n++) sum += taps[n].weight * from[taps[n].place * channels + c];
    to[c] = sum;
  }
}

// Some channels of to [places, channels] += weight * grad [channels] at each tap.
template <typename T>
void scatterTaps(const Tap<T>* taps, int64_t count, Range range, int64_t channels, const T* grad, T* to) {
  constexpr int64_t L = LANES<T>;
  for (int64_t n = 0; n < count; n++) {
    T* row = to + taps[n].place * channels;
    const T weight = taps[n].weight;
    int64_t c = range.first;
    for (; c + L <= range.last; c += L) store(row + c, load(row + c) + load(grad + c) * weight);
    for (; c < range.last; c++) row[c] += grad[c] * weight;
  }
}
