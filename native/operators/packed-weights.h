// Weights in the order that products read them, kept while nothing is recorded for gradients: encoding packs each
// weight once, not once a call.
#pragma once
#include <map>
#include <mutex>
#include <utility>

#include <ATen/ATen.h>

namespace skyloop {

// While one lives, nothing is kept on this thread: a training step's weights serve once.
struct TrainingStep {
  TrainingStep() { within++; }
  ~TrainingStep() { within--; }
  static inline thread_local int within = 0;
};

// What was made of parameters that are alive and unchanged since. Every operator that writes into a tensor raises its
// version; our own (adam_step, broadcasts) do so too.
class PackedWeights {
 public:
  // Only parameters are kept, and only where no gradient is recorded.
  static bool keeps(const at::Tensor& weight) {
    return TrainingStep::within == 0 && !at::GradMode::is_enabled() && weight.requires_grad() && weight.is_leaf();
  }
  // What `make` makes of `weight` in one of several ways, `kind`, or what it made before.
  template <typename Make>
  at::Tensor of(const at::Tensor& weight, int64_t kind, Make make) {
    if (!keeps(weight)) return make();
    const std::lock_guard<std::mutex> held(mutex_);
    const auto found = made_.find({weight.unsafeGetTensorImpl(), kind});
    if (found != made_.end() && found->second.version == weight._version() && found->second.data == weight.data_ptr())
      return found->second.packed;
    for (auto it = made_.begin(); it != made_.end();) it = it->second.alive.expired() ? made_.erase(it) : std::next(it);
    // A weak pointer keeps the address from being given to another tensor.
    Entry entry{Weak(weight.getIntrusivePtr()), static_cast<uint32_t>(weight._version()), weight.data_ptr(), make()};
    return made_.insert_or_assign({weight.unsafeGetTensorImpl(), kind}, std::move(entry)).first->second.packed;
  }

 private:
  using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  struct Entry {
    Weak alive;
    uint32_t version;
    const void* data;
    at::Tensor packed;
  };
  std::mutex mutex_;
  std::map<std::pair<const c10::TensorImpl*, int64_t>, Entry> made_;
};

}  // namespace skyloop
