// What our own kernels share: short vectors of SKYLOOP_BYTES bytes, exp, transposing. A fragment, see variant.inc.h.
template <typename T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float Type __attribute__((vector_size(SKYLOOP_BYTES)));
  typedef float Loose __attribute__((vector_size(SKYLOOP_BYTES), aligned(4), may_alias));
};
template <>
struct VectorOf<double> {
  typedef double Type __attribute__((vector_size(SKYLOOP_BYTES)));
  typedef double Loose __attribute__((vector_size(SKYLOOP_BYTES), aligned(8), may_alias));
};
template <typename T>
using Vector = typename VectorOf<T>::Type;
template <typename T>
constexpr int64_t LANES = SKYLOOP_BYTES / sizeof(T);

template <typename T>
INLINE Vector<T> load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::Loose*>(from);
}
template <typename T>
INLINE void store(T* to, Vector<T> value) {
  *reinterpret_cast<typename VectorOf<T>::Loose*>(to) = value;
}
template <typename T>
INLINE Vector<T> all(T value) {
  return value - Vector<T>{};
}
template <typename V>
INLINE V larger(V a, V b) {
  return a > b ? a : b;
}
template <typename V>
INLINE V smaller(V a, V b) {
  return a < b ? a : b;
}
#if SKYLOOP_BYTES == 64
// GCC makes a comparison and a choice of the above.
INLINE Vector<float> larger(Vector<float> a, Vector<float> b) { return _mm512_max_ps(a, b); }
INLINE Vector<float> smaller(Vector<float> a, Vector<float> b) { return _mm512_min_ps(a, b); }
#endif
// The vector with its elements exchanged at a distance of half, a quarter and so on of its length.
#if SKYLOOP_BYTES == 64
INLINE Vector<float> exchanged8(Vector<float> v) {
  return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}
INLINE Vector<float> exchanged4(Vector<float> v) {
  return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
}
INLINE Vector<float> exchanged2(Vector<float> v) {
  return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
INLINE Vector<float> exchanged1(Vector<float> v) {
  return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}
INLINE Vector<double> exchanged4(Vector<double> v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3); }
INLINE Vector<double> exchanged2(Vector<double> v) { return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5); }
INLINE Vector<double> exchanged1(Vector<double> v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6); }
#else
INLINE Vector<float> exchanged4(Vector<float> v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3); }
INLINE Vector<float> exchanged2(Vector<float> v) { return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5); }
INLINE Vector<float> exchanged1(Vector<float> v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6); }
INLINE Vector<double> exchanged2(Vector<double> v) { return __builtin_shufflevector(v, v, 2, 3, 0, 1); }
INLINE Vector<double> exchanged1(Vector<double> v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2); }
#endif
template <typename V, typename Join>
INLINE V joined(V value, Join join) {
  constexpr int lanes = sizeof(V) / sizeof(value[0]);
  if constexpr (lanes >= 16) value = join(value, exchanged8(value));
  if constexpr (lanes >= 8) value = join(value, exchanged4(value));
  value = join(value, exchanged2(value));
  return join(value, exchanged1(value));
}
// Sum and largest of a vector's elements, in every element of the result.
template <typename V>
INLINE V sumOf(V value) {
  return joined(
      value, [](V a, V b) __attribute__((always_inline)) { return a + b; });
}
template <typename V>
INLINE V largestOf(V value) {
  return joined(
      value, [](V a, V b) __attribute__((always_inline)) { return larger(a, b); });
}
constexpr float LOG2_E = 1.44269504088896341f;
#if SKYLOOP_BYTES == 64
// 2^x for x <= 0: the whole part by the exponent, a polynomial of least largest error for the rest; about 2e-7
// relative.
INLINE Vector<float> powerOfTwo(Vector<float> x) {
  const Vector<float> whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), rest = x - whole;
  Vector<float> value = all<float>(1.327647129e-3f);
  value = value * rest + 9.675540961e-3f;
  value = value * rest + 5.550713092e-2f;
  value = value * rest + 2.402212024e-1f;
  value = value * rest + 6.931469440e-1f;
  value = value * rest + 1.0f;
  return _mm512_scalef_ps(value, whole);
}
INLINE Vector<float> expOfNegative(Vector<float> x) { return powerOfTwo(x * LOG2_E); }
// Sixteen rows as columns of `into`, whose rows are `wide` apart.
INLINE void storeTransposed(Vector<float> (&v)[16], float* into, int64_t wide) {
  Vector<float> t[16];
  // Blocks of eight, four, two and one change places across the diagonal.
#pragma GCC unroll 8
  for (int n = 0; n < 8; n++) {
    t[n] = __builtin_shufflevector(v[n], v[n + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    t[n + 8] = __builtin_shufflevector(v[n], v[n + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
#pragma GCC unroll 8
  for (int m = 0; m < 8; m++) {
    const int n = m / 4 * 8 + m % 4;
    v[n] = __builtin_shufflevector(t[n], t[n + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    v[n + 4] = __builtin_shufflevector(t[n], t[n + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma GCC unroll 8
  for (int m = 0; m < 8; m++) {
    const int n = m / 2 * 4 + m % 2;
    t[n] = __builtin_shufflevector(v[n], v[n + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    t[n + 2] = __builtin_shufflevector(v[n], v[n + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
#pragma GCC unroll 8
  for (int n = 0; n < 16; n += 2) {
    store(into + n * wide,
          __builtin_shufflevector(t[n], t[n + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30));
    store(into + (n + 1) * wide,
          __builtin_shufflevector(t[n], t[n + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31));
  }
}
// An estimate and one of Newton's steps.
INLINE Vector<float> reciprocal(Vector<float> x) {
  const Vector<float> near = _mm512_rcp14_ps(x);
  return near * (2.0f - x * near);
}
#else
// exp for x <= 0: 2^n by the exponent's bits, a polynomial for the rest; about 2e-7 relative.
INLINE Vector<float> expOfNegative(Vector<float> x) {
  typedef int32_t Integers __attribute__((vector_size(SKYLOOP_BYTES)));
  const Vector<float> least = all<float>(-87.0f);
  x = larger(x, least);
  Integers whole = __builtin_convertvector(x * LOG2_E - 0.5f, Integers);
  Vector<float> n = __builtin_convertvector(whole, Vector<float>);
  Vector<float> rest = x - n * 0.693359375f + n * 2.12194440e-4f;
  Vector<float> value = all<float>(1.9875691500e-4f);
  value = value * rest + 1.3981999507e-3f;
  value = value * rest + 8.3334519073e-3f;
  value = value * rest + 4.1665795894e-2f;
  value = value * rest + 1.6666665459e-1f;
  value = value * rest + 5.0000001201e-1f;
  value = value * rest * rest + rest + 1.0f;
  Integers power = (whole + 127) << 23;
  Vector<float> scale;
  std::memcpy(&scale, &power, sizeof scale);
  return value * scale;
}
INLINE Vector<float> reciprocal(Vector<float> x) { return 1.0f / x; }
#endif
INLINE Vector<double> expOfNegative(Vector<double> x) {
  for (int64_t i = 0; i < LANES<double>; i++) x[i] = std::exp(x[i]);
  return x;
}
