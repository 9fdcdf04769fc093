// All kernels for one processor and the tables of them. A file that includes this one names the processor first:
// SKYLOOP_VARIANT, the namespace; SKYLOOP_BYTES, the length of vectors; SKYLOOP_SHORT_PRODUCTS where products round
// their factors to bfloat16; and the target, by a pragma: whole functions have to be compiled for the processor, as GCC
// splits vectors before it inlines, so that a general function inlined into one for AVX2 keeps slow broadcasts.
//
// Files named .inc.h are fragments of the namespace below: none stands alone, and none is included from elsewhere.
#define INLINE __attribute__((always_inline)) inline

namespace skyloop::SKYLOOP_VARIANT {
namespace {

#include "vectors.inc.h"

#include "products.inc.h"
#ifdef SKYLOOP_SHORT_PRODUCTS
#include "short-products.inc.h"

#include "short-panels.inc.h"
#endif
#include "rows.inc.h"

#include "dense.inc.h"

#include "few-rows.inc.h"

#include "attention.inc.h"

#include "adam.inc.h"

#include "regions.inc.h"

template <typename T>
constexpr Kernels<T> TABLE{PANEL<T>,
                           pack<T>,
                           denseForward<T>,
                           denseBackward<T>,
                           feedforwardForward<T>,
                           feedforwardBackward<T>,
                           rowsTimes<T>,
                           gradRowsTimes<T>,
                           rightNumbers<T>,
                           arrangeRight<T>,
                           panelsTimes<T>,
                           activatePanels<T>,
                           transposeInto<T>,
                           transposeBack<T>,
                           activate<T>,
                           activateBackward<T>,
                           sumRows<T>,
                           leftRows<T>,
                           finish<T>,
                           branchGradRows<T>,
                           normBackward<T>,
                           attend<T>,
                           attendBackward<T>,
                           adamRun<T>,
                           gatherTaps<T>,
                           scatterTaps<T>};

}  // namespace

extern const Kernels<float> FLOATS;
const Kernels<float> FLOATS = TABLE<float>;
#ifdef SKYLOOP_DOUBLES
extern const Kernels<double> DOUBLES;
const Kernels<double> DOUBLES = TABLE<double>;
#endif

}  // namespace skyloop::SKYLOOP_VARIANT
