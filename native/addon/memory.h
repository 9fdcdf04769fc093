#pragma once
#include <cstddef>

namespace skyloop {
// From now on tensors' memory comes from an allocator that keeps freed blocks for the next tensor of about their size.
// Harmless when repeated.
void keepTensorMemory();
// Gives kept free blocks back to the system.
void releaseTensorMemory();
struct TensorMemory {
  size_t live, peak, kept;  // bytes in use, their largest so far, bytes free and kept
};
TensorMemory tensorMemory();
}  // namespace skyloop
