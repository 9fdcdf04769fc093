#pragma once
// What our own operators share: short vectors of 32 bytes, a product of small matrices that keeps its sums in registers, exp; and versions of one
// kernel for several processors. Everything is inlined into the kernel, so that it is compiled for the kernel's processor.
#include <cmath>
#include <cstdint>
#include <cstring>

#define INLINE __attribute__((always_inline)) inline

// KERNEL(name, (parameters), (arguments)) { body } makes `name` run the body compiled for AVX2 with FMA where the processor has them, and for the
// compiler's default elsewhere. The processor is asked once.
#if defined(__x86_64__) && defined(__GNUC__)
#define KERNEL(name, parameters, arguments)                                       \
  INLINE void name##Body parameters;                                              \
  __attribute__((target("avx2,fma"))) void name##Avx2 parameters { name##Body arguments; } \
  void name##Plain parameters { name##Body arguments; }                           \
  void name parameters {                                                          \
    static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); \
    if (avx2) name##Avx2 arguments;                                               \
    else name##Plain arguments;                                                   \
  }                                                                               \
  INLINE void name##Body parameters
#else
#define KERNEL(name, parameters, arguments) void name parameters
#endif

namespace skyloop {

template <typename T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float Type __attribute__((vector_size(32)));
  typedef float Loose __attribute__((vector_size(32), aligned(4), may_alias));
};
template <>
struct VectorOf<double> {
  typedef double Type __attribute__((vector_size(32)));
  typedef double Loose __attribute__((vector_size(32), aligned(8), may_alias));
};
template <typename T>
using Vector = typename VectorOf<T>::Type;
template <typename T>
constexpr int64_t LANES = 32 / sizeof(T);

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
template <typename T>
INLINE T sumOf(Vector<T> value) {
  T total = 0;
  for (int64_t i = 0; i < LANES<T>; i++) total += value[i];
  return total;
}
template <typename T>
INLINE T largestOf(Vector<T> value) {
  T largest = value[0];
  for (int64_t i = 1; i < LANES<T>; i++) largest = value[i] > largest ? value[i] : largest;
  return largest;
}
// The next multiple of a vector's length.
template <typename T>
constexpr int64_t padded(int64_t count) {
  return (count + LANES<T> - 1) / LANES<T> * LANES<T>;
}

// exp for x <= 0: 2^n by the exponent's bits, a polynomial for the rest; about 2e-7 relative.
INLINE Vector<float> expOfNegative(Vector<float> x) {
  typedef int32_t Integers __attribute__((vector_size(32)));
  const Vector<float> least = all<float>(-87.0f);
  x = x < least ? least : x;
  Integers whole = __builtin_convertvector(x * 1.44269504088896341f - 0.5f, Integers);
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
INLINE Vector<double> expOfNegative(Vector<double> x) {
  for (int64_t i = 0; i < LANES<double>; i++) x[i] = std::exp(x[i]);
  return x;
}

// ROWS rows and VECTORS vectors of columns of c = a b. Element (i, k) of a stands at a[i * down + k * across].
template <typename T, int ROWS, int VECTORS>
INLINE void productTile(int64_t depth, const T* a, int64_t down, int64_t across, const T* b, int64_t ldb, T* c, int64_t ldc) {
  Vector<T> sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) sums[i][v] = Vector<T>{};
  for (int64_t k = 0; k < depth; k++) {
    Vector<T> right[VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) right[v] = load(b + k * ldb + v * LANES<T>);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
      const Vector<T> left = all<T>(a[i * down + k * across]);
#pragma GCC unroll 8
      for (int v = 0; v < VECTORS; v++) sums[i][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) store(c + i * ldc + v * LANES<T>, sums[i][v]);
}

// c [rows, columns] = a [rows, depth] b [depth, columns]; columns a multiple of a vector's length.
template <typename T>
INLINE void product(int64_t rows, int64_t columns, int64_t depth, const T* a, int64_t down, int64_t across, const T* b, int64_t ldb, T* c, int64_t ldc) {
  constexpr int64_t L = LANES<T>;
  int64_t j = 0;
  for (; j + 2 * L <= columns; j += 2 * L) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) productTile<T, 4, 2>(depth, a + i * down, down, across, b + j, ldb, c + i * ldc + j, ldc);
    for (; i < rows; i++) productTile<T, 1, 2>(depth, a + i * down, down, across, b + j, ldb, c + i * ldc + j, ldc);
  }
  if (j < columns) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) productTile<T, 4, 1>(depth, a + i * down, down, across, b + j, ldb, c + i * ldc + j, ldc);
    for (; i < rows; i++) productTile<T, 1, 1>(depth, a + i * down, down, across, b + j, ldb, c + i * ldc + j, ldc);
  }
}

}  // namespace skyloop
