// Memory of tensors. glibc gives large blocks back to the kernel when they are freed, and the next operator pays for
// every page again: half of a training step's time. Here a freed block waits for the next tensor that it fits. Blocks
// of some MiB ask for huge pages.
#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

namespace skyloop {
namespace {

constexpr size_t KEPT_FROM = 64 << 10, HUGE_PAGE = 2 << 20;

// Never destroyed: threads may still take and give while the process ends.
std::mutex& guard = *new std::mutex;
std::unordered_map<void*, size_t>& sizes =
    *new std::unordered_map<void*, size_t>;  // of blocks in use that will be kept
std::multimap<size_t, void*>& kept = *new std::multimap<size_t, void*>;
size_t liveBytes = 0, peakBytes = 0, keptBytes = 0;

void* fromSystem(size_t bytes, size_t alignment) {
  void* block = nullptr;
  TORCH_CHECK(posix_memalign(&block, alignment, bytes) == 0, "not enough memory for a tensor of ", bytes, " bytes");
  return block;
}

// With the guard held: frees the largest kept blocks until no more than `most` bytes are kept.
void shrink(size_t most) {
  while (keptBytes > most) {
    const auto last = std::prev(kept.end());
    keptBytes -= last->first;
    std::free(last->second);
    kept.erase(last);
  }
}

void* take(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes < KEPT_FROM) return fromSystem(bytes, 64);
  const std::lock_guard<std::mutex> lock(guard);
  auto found = kept.lower_bound(bytes);
  size_t size = (bytes + 4095) / 4096 * 4096;
  void* block = nullptr;
  // A block that is much larger waits for what needs it.
  if (found != kept.end() && found->first <= bytes + bytes / 4) {
    size = found->first;
    block = found->second;
    keptBytes -= size;
    kept.erase(found);
  } else {
    // What was kept and fits nothing goes before the process grows beyond a quarter more than it ever needed.
    const size_t most = std::max(peakBytes, liveBytes + size) / 4 * 5;
    shrink(most > liveBytes + size ? most - liveBytes - size : 0);
    const bool huge = size >= 2 * HUGE_PAGE;
    block = fromSystem(size, huge ? HUGE_PAGE : 4096);
#ifdef MADV_HUGEPAGE
    if (huge) madvise(block, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  }
  sizes.emplace(block, size);
  liveBytes += size;
  peakBytes = std::max(peakBytes, liveBytes);
  return block;
}

void give(void* block) {
  if (block == nullptr) return;
  const std::lock_guard<std::mutex> lock(guard);
  const auto found = sizes.find(block);
  if (found == sizes.end()) return std::free(block);
  liveBytes -= found->second;
  keptBytes += found->second;
  kept.emplace(found->second, block);
  sizes.erase(found);
}

// libtorch's versions differ in whether `allocate` is const and in whether there is `copy_data`.
struct KeepingAllocator : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) const {
    void* block = take(bytes);
    return {block, block, &give, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DataPtr allocate(size_t bytes) { return static_cast<const KeepingAllocator*>(this)->allocate(bytes); }
  c10::DeleterFnPtr raw_deleter() const { return &give; }
  void copy_data(void* into, const void* from, size_t bytes) const { std::memcpy(into, from, bytes); }
};

}  // namespace

void keepTensorMemory() {
  static std::once_flag once;
  std::call_once(once, [] { c10::SetCPUAllocator(new KeepingAllocator, 1); });
}

void releaseTensorMemory() {
  const std::lock_guard<std::mutex> lock(guard);
  shrink(0);
}

TensorMemory tensorMemory() {
  const std::lock_guard<std::mutex> lock(guard);
  return {liveBytes, peakBytes, keptBytes};
}

}  // namespace skyloop
