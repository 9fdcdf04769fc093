// Kernels for processors with AVX-512.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels.h"

#ifdef SKYLOOP_X86_VARIANTS
#include <immintrin.h>
// GCC's own intrinsics begin with vectors that they leave undefined, and warn of them once they are inlined.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512")
#define SKYLOOP_VARIANT avx512
#define SKYLOOP_BYTES 64
#include "variant.inc.h"
#endif
