// Which processors kernels are compiled for, and which of them this one is.
#pragma once
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SKYLOOP_X86_VARIANTS
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
#endif
