// The files of operators/, as one (binding.gyp).
#include "operators/attention.cc"
#include "operators/block.cc"
#include "operators/dense.cc"
#include "operators/dense-autograd.cc"
#include "operators/optimise.cc"
#include "operators/patches.cc"
#include "operators/regions.cc"
