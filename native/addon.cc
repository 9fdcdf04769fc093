// The files of addon/ that know libtorch, as one (binding.gyp).
#include "addon/arguments.cc"
#include "addon/distributed.cc"
#include "addon/memory.cc"
#include "addon/profile.cc"
#include "addon/torch.cc"
