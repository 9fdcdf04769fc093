#pragma once
// One source of kernels compiled for several processors: a file writes
//
//   #define SKYLOOP_KERNELS "attention.h"
//   #include "for-each-variant.h"
//
// and calls SKYLOOP_BEST(attend, arguments). Whole functions have to be compiled for the processor: GCC splits vectors
// before it inlines, so that a general function inlined into one for AVX2 keeps slow broadcasts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SKYLOOP_X86_VARIANTS
#define SKYLOOP_BEST(function, ...)                                                            \
  (skyloop::processor() == skyloop::Processor::avx512 ? skyloop::avx512::function(__VA_ARGS__) \
   : skyloop::processor() == skyloop::Processor::avx2 ? skyloop::avx2::function(__VA_ARGS__)   \
                                                      : skyloop::plain::function(__VA_ARGS__))
// The same for kernels that are compiled with short products too (SKYLOOP_SHORT_KERNELS).
#define SKYLOOP_BEST_PRODUCTS(function, ...) \
  (skyloop::shortProducts() ? skyloop::bf16::function(__VA_ARGS__) : SKYLOOP_BEST(function, __VA_ARGS__))
#include <atomic>
#include <cstdlib>
#include <cstring>
namespace skyloop {
enum class Processor { plain, avx2, avx512 };
// The best that this processor has; SKYLOOP_PROCESSOR=plain or avx2 takes less, to compare.
inline Processor processor() {
  static const Processor best = [] {
    const char* wanted = std::getenv("SKYLOOP_PROCESSOR");
    const bool avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && !(wanted && !std::strcmp(wanted, "plain"));
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                        !(wanted && !std::strcmp(wanted, "avx2"));
    return avx512 ? Processor::avx512 : avx2 ? Processor::avx2 : Processor::plain;
  }();
  return best;
}
// Whether products of linear layers and of attention are to round their factors to bfloat16: asked for, and within this
// processor's power.
inline bool hasShortProducts() { return processor() == Processor::avx512 && __builtin_cpu_supports("avx512bf16"); }
inline std::atomic<bool>& wantsShortProducts() {
  static std::atomic<bool> wanted{false};
  return wanted;
}
inline bool shortProducts() { return wantsShortProducts().load(std::memory_order_relaxed); }
}  // namespace skyloop
#else
namespace skyloop {
inline bool shortProducts() { return false; }
}  // namespace skyloop
#define SKYLOOP_BEST(function, ...) skyloop::plain::function(__VA_ARGS__)
#define SKYLOOP_BEST_PRODUCTS(function, ...) SKYLOOP_BEST(function, __VA_ARGS__)
#endif
