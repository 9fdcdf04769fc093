// Data parallel training over processes by c10d's process group (Gloo): gradients are summed in buckets while
// `backward` goes on. Built where Gloo's headers are (Debian: libgloo-dev); elsewhere joining a group says so.
#include "distributed.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "handles.h"

#ifdef USE_C10D_GLOO
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace skyloop {
namespace {

#ifdef USE_C10D_GLOO

using at::Tensor;
using Work = c10::intrusive_ptr<c10d::Work>;

struct Bucket {
  std::vector<size_t> members;
  int64_t numbers = 0;
  size_t missing = 0;  // members whose gradient has not come in this step
  Tensor flat;
  Work work;
};

struct Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> processes;
  std::vector<Tensor> parameters;
  // Kept, or their hooks would go with them; shared or intrusive pointers, by version.
  std::vector<decltype(torch::autograd::impl::grad_accumulator(std::declval<Tensor>()))> accumulators;
  std::vector<size_t> bucketOf;
  std::vector<Bucket> buckets;
  std::vector<bool> arrived;
  int64_t bucketBytes = 0;
  size_t started = 0;  // buckets on their way; always in the same order, whatever the order of gradients
  bool expecting = false;

  Work sum(Tensor& tensor) {
    std::vector<Tensor> tensors{tensor};
    return processes->allreduce(tensors);
  }

  // Buckets of parameters from the last to the first, about as their gradients come.
  void deal(const std::vector<bool>& used) {
    buckets.clear();
    bucketOf.assign(parameters.size(), SIZE_MAX);
    for (size_t i = parameters.size(); i-- > 0;) {
      if (!used[i]) continue;
      if (buckets.empty() || buckets.back().numbers * 4 >= bucketBytes) buckets.emplace_back();
      bucketOf[i] = buckets.size() - 1;
      buckets.back().members.push_back(i);
      buckets.back().numbers += parameters[i].numel();
    }
  }

  void expect() {
    expecting = true;
    started = 0;
    arrived.assign(parameters.size(), false);
    for (auto& bucket : buckets) bucket.missing = bucket.members.size();
  }

  void start(Bucket& bucket) {
    at::NoGradGuard none;
    bucket.flat = at::empty({bucket.numbers}, parameters[bucket.members[0]].options().requires_grad(false));
    int64_t at = 0;
    for (size_t i : bucket.members) {
      const auto& grad = parameters[i].grad();
      auto part = bucket.flat.narrow(0, at, parameters[i].numel());
      if (grad.defined())
        part.copy_(grad.reshape({-1}));
      else
        part.zero_();
      at += parameters[i].numel();
    }
    bucket.work = sum(bucket.flat);
  }

  void startReady() {
    while (started < buckets.size() && buckets[started].missing == 0) start(buckets[started++]);
  }

  void came(size_t parameter) {
    if (!expecting || arrived[parameter]) return;
    arrived[parameter] = true;
    if (bucketOf[parameter] == SIZE_MAX) return;
    buckets[bucketOf[parameter]].missing--;
    startReady();
  }

  // Waits for the sums and makes them the gradients.
  void finish() {
    at::NoGradGuard none;
    expecting = false;
    while (started < buckets.size()) start(buckets[started++]);
    // Who has a gradient at all, in any process.
    Tensor flags = at::zeros({int64_t(parameters.size())});
    for (size_t i = 0; i < parameters.size(); i++) flags.data_ptr<float>()[i] = parameters[i].grad().defined() ? 1 : 0;
    sum(flags)->wait();
    bool unknown = false;
    std::vector<bool> used(parameters.size());
    for (size_t i = 0; i < parameters.size(); i++) {
      used[i] = flags.data_ptr<float>()[i] > 0;
      unknown = unknown || (used[i] != (bucketOf[i] != SIZE_MAX));
    }
    for (auto& bucket : buckets) {
      bucket.work->wait();
      int64_t at = 0;
      for (size_t i : bucket.members) {
        auto part = bucket.flat.narrow(0, at, parameters[i].numel());
        at += parameters[i].numel();
        if (!used[i]) continue;
        auto& grad = parameters[i].mutable_grad();
        if (grad.defined())
          grad.copy_(part.view(parameters[i].sizes()));
        else
          grad = part.view(parameters[i].sizes()).clone();
      }
      bucket.flat.reset();
      bucket.work.reset();
    }
    if (!unknown) return;
    // What had no bucket yet is summed by itself this once; from the next step on buckets hold what is used, and
    // nothing else.
    for (size_t i = 0; i < parameters.size(); i++) {
      if (!used[i] || bucketOf[i] != SIZE_MAX) continue;
      auto& grad = parameters[i].mutable_grad();
      if (!grad.defined())
        grad = at::zeros_like(parameters[i]);
      else
        grad = grad.contiguous();
      sum(grad)->wait();
    }
    deal(used);
  }
};

std::unique_ptr<Group> group;

struct Came : torch::autograd::FunctionPostHook {
  explicit Came(size_t parameter) : parameter(parameter) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    if (group) group->came(parameter);
    return outputs;
  }
  size_t parameter;
};

Group& joined(Napi::Env env) {
  if (!group) throw Napi::Error::New(env, "this process has joined no group");
  return *group;
}

// The store by threads of its own: libuv is the default of libtorch 2.4 and later, but not every build has it (Debian's
// has not). Versions before 2.x have neither the option nor libuv.
template <typename Options>
auto useOwnThreads(Options& options, int) -> decltype(options.useLibUV = false, void()) {
  options.useLibUV = false;
}
template <typename Options>
void useOwnThreads(Options&, long) {}

// groupJoin(host, port, rank, size, seconds, isServer, prefix)
Napi::Value groupJoin(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(info[1].As<Napi::Number>().Int32Value());
    const int rank = info[2].As<Napi::Number>().Int32Value(), size = info[3].As<Napi::Number>().Int32Value();
    options.isServer = info[5].As<Napi::Boolean>().Value();
    useOwnThreads(options, 0);
    options.timeout = std::chrono::milliseconds(1000 * info[4].As<Napi::Number>().Int64Value());
    auto made = std::make_unique<Group>();
    c10::intrusive_ptr<c10d::Store> store =
        c10::make_intrusive<c10d::TCPStore>(info[0].As<Napi::String>().Utf8Value(), options);
    made->store = c10::make_intrusive<c10d::PrefixStore>(info[6].As<Napi::String>().Utf8Value(), store);
    auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
    gloo->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    gloo->threads = 2;
    made->processes = c10::make_intrusive<c10d::ProcessGroupGloo>(made->store, rank, size, gloo);
    group = std::move(made);
    return info.Env().Undefined();
  });
}

std::vector<Tensor> tensorsOf(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<Tensor> tensors;
  for (uint32_t i = 0; i < array.Length(); i++) tensors.push_back(unwrap(array.Get(i)));
  return tensors;
}

// groupWatch(parameters, bucketBytes)
Napi::Value groupWatch(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto& mine = joined(info.Env());
    mine.parameters = tensorsOf(info[0]);
    mine.bucketBytes = info[1].As<Napi::Number>().Int64Value();
    mine.deal(std::vector<bool>(mine.parameters.size(), false));
    for (size_t i = 0; i < mine.parameters.size(); i++) {
      auto accumulator = torch::autograd::impl::grad_accumulator(mine.parameters[i]);
      accumulator->add_post_hook(std::make_unique<Came>(i));
      mine.accumulators.push_back(std::move(accumulator));
    }
    return info.Env().Undefined();
  });
}

// groupExpect(): the next `backward` is the step's last, and its gradients go out as they come.
Napi::Value groupExpect(const Napi::CallbackInfo& info) {
  joined(info.Env()).expect();
  return info.Env().Undefined();
}

Napi::Value groupFinish(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    joined(info.Env()).finish();
    return info.Env().Undefined();
  });
}

// groupSum(tensor): in place.
Napi::Value groupSum(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto tensor = unwrap(info[0]);
    joined(info.Env()).sum(tensor)->wait();
    return info.Env().Undefined();
  });
}

// groupBroadcast(tensors): the first process's values for all.
Napi::Value groupBroadcast(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    at::NoGradGuard none;
    for (auto& tensor : tensorsOf(info[0])) {
      std::vector<Tensor> one{tensor.detach()};
      joined(info.Env()).processes->broadcast(one)->wait();
      tensor.unsafeGetTensorImpl()->bump_version();
    }
    return info.Env().Undefined();
  });
}

Napi::Value groupLeave(const Napi::CallbackInfo& info) {
  group.reset();
  return info.Env().Undefined();
}

#else

Napi::Value missing(const Napi::CallbackInfo& info) {
  throw Napi::Error::New(
      info.Env(),
      "the native part was built without Gloo's headers (Debian: apt-get install libgloo-dev, then npm run setup)");
}
constexpr auto groupJoin = missing, groupWatch = missing, groupExpect = missing, groupFinish = missing,
               groupSum = missing, groupBroadcast = missing, groupLeave = missing;

#endif

}  // namespace

void addDistributed(Napi::Env env, Napi::Object exports) {
  auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("groupJoin", groupJoin);
  add("groupWatch", groupWatch);
  add("groupExpect", groupExpect);
  add("groupFinish", groupFinish);
  add("groupSum", groupSum);
  add("groupBroadcast", groupBroadcast);
  add("groupLeave", groupLeave);
}

}  // namespace skyloop
