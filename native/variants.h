#pragma once
// One source of kernels compiled for several processors: a file writes
//
//   #define SKYLOOP_VARIANT plain
//   #include "attention.h"
//   #undef SKYLOOP_VARIANT
//   #ifdef SKYLOOP_AVX2
//   #pragma GCC push_options
//   #pragma GCC target("avx2,fma")
//   #define SKYLOOP_VARIANT avx2
//   #include "attention.h"
//   #undef SKYLOOP_VARIANT
//   #pragma GCC pop_options
//   #endif
//
// and calls SKYLOOP_BEST(attend, arguments). Whole functions have to be compiled for the processor: GCC splits vectors before it inlines, so that
// a general function inlined into one for AVX2 keeps slow broadcasts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SKYLOOP_AVX2
#define SKYLOOP_BEST(function, ...) (skyloop::hasAvx2() ? skyloop::avx2::function(__VA_ARGS__) : skyloop::plain::function(__VA_ARGS__))
namespace skyloop {
inline bool hasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}
}  // namespace skyloop
#else
#define SKYLOOP_BEST(function, ...) skyloop::plain::function(__VA_ARGS__)
#endif
