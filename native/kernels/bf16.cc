// Kernels for processors with AVX-512 and its products of bfloat16, used where these are asked for.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "kernels.h"

#ifdef SKYLOOP_X86_VARIANTS
#include <immintrin.h>
// GCC's own intrinsics begin with vectors that they leave undefined, and warn of them once they are inlined.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,prefer-vector-width=512")
#define SKYLOOP_VARIANT bf16
#define SKYLOOP_BYTES 64
#define SKYLOOP_SHORT_PRODUCTS
#include "variant.inc.h"
#endif
