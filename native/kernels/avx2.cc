// Kernels for processors with AVX2 and FMA.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels.h"

#ifdef SKYLOOP_X86_VARIANTS
#include <immintrin.h>
#pragma GCC target("avx2,fma")
#define SKYLOOP_VARIANT avx2
#define SKYLOOP_BYTES 32
#define SKYLOOP_DOUBLES
#include "variant.inc.h"
#endif
