// Includes SKYLOOP_KERNELS once for every processor (variants.h), and where SKYLOOP_SHORT_KERNELS is defined once more
// for products in bfloat16.
#ifdef SKYLOOP_X86_VARIANTS
#include <immintrin.h>
#endif
#define SKYLOOP_VARIANT plain
#define SKYLOOP_BYTES 32
#include SKYLOOP_KERNELS
#undef SKYLOOP_VARIANT
#ifdef SKYLOOP_X86_VARIANTS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define SKYLOOP_VARIANT avx2
#include SKYLOOP_KERNELS
#undef SKYLOOP_VARIANT
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512")
#undef SKYLOOP_BYTES
#define SKYLOOP_BYTES 64
#define SKYLOOP_VARIANT avx512
#include SKYLOOP_KERNELS
#undef SKYLOOP_VARIANT
#pragma GCC pop_options
#ifdef SKYLOOP_SHORT_KERNELS
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,prefer-vector-width=512")
#define SKYLOOP_VARIANT bf16
#define SKYLOOP_SHORT_PRODUCTS
#include SKYLOOP_KERNELS
#undef SKYLOOP_SHORT_PRODUCTS
#undef SKYLOOP_VARIANT
#pragma GCC pop_options
#endif
#endif
#undef SKYLOOP_BYTES
