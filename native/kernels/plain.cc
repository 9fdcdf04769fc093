// Kernels for any processor.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels.h"

#define SKYLOOP_VARIANT plain
#define SKYLOOP_BYTES 32
#define SKYLOOP_DOUBLES
#include "variant.inc.h"
