// Times every operator that libtorch's dispatcher runs between start and stop, forward and backward, with the module
// that called it.
#include "profile.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/record_function.h>

namespace skyloop {
namespace {

struct Event {
  std::string name;
  double startUs = 0;
  double endUs = 0;
  double bytes = 0;       // of the tensors read and written
  int64_t sequence = -1;  // joins a backward node with the operator that made it
  int32_t module = -1;
  uint64_t thread = 0;
  bool backward = false;
};

struct Running : at::ObserverContext {
  Event event;
};

std::mutex eventsGuard;
std::vector<Event> events;
int32_t currentModule = -1;
at::CallbackHandle handle = 0;
std::chrono::steady_clock::time_point origin;

double nowUs() { return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - origin).count(); }

// Inputs are an ArrayRef; outputs a vector or an ArrayRef, by version.
template <typename Values>
double bytesOf(const Values& values) {
  double total = 0;
  for (const auto& value : values) {
    if (value.isTensor() && value.toTensor().defined())
      total += static_cast<double>(value.toTensor().nbytes());
    else if (value.isTensorList())
      for (const at::Tensor& part : value.toTensorVector())
        total += part.defined() ? static_cast<double>(part.nbytes()) : 0;
  }
  return total;
}

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  auto running = std::make_unique<Running>();
  auto& event = running->event;
  event.name = function.name();
  event.sequence = function.seqNr();
  event.backward = function.scope() == at::RecordScope::BACKWARD_FUNCTION;
  event.module = currentModule;
  event.thread = function.threadId();
  event.bytes = bytesOf(function.inputs());
  event.startUs = nowUs();
  return running;
}

void leave(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr) return;
  auto& event = static_cast<Running*>(context)->event;
  event.endUs = nowUs();
  event.bytes += bytesOf(function.outputs());
  std::lock_guard<std::mutex> lock(eventsGuard);
  events.push_back(std::move(event));
}

Napi::Value start(const Napi::CallbackInfo& info) {
  if (handle != 0) throw Napi::Error::New(info.Env(), "a profile is already being taken");
  events.clear();
  currentModule = -1;
  origin = std::chrono::steady_clock::now();
  auto callback = at::RecordFunctionCallback(enter, leave);
  callback.needsInputs(true).needsOutputs(true).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION});
  handle = at::addGlobalCallback(callback);
  return info.Env().Undefined();
}

// module(number): what operators called from now on belong to.
Napi::Value module(const Napi::CallbackInfo& info) {
  currentModule = info[0].As<Napi::Number>().Int32Value();
  return info.Env().Undefined();
}

// Ends the profile: an array of events in the order in which they ended.
Napi::Value stop(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  if (handle != 0) at::removeCallback(handle);
  handle = 0;
  std::lock_guard<std::mutex> lock(eventsGuard);
  auto result = Napi::Array::New(env, events.size());
  for (size_t i = 0; i < events.size(); i++) {
    const auto& event = events[i];
    auto object = Napi::Object::New(env);
    object.Set("name", event.name);
    object.Set("startUs", event.startUs);
    object.Set("endUs", event.endUs);
    object.Set("bytes", event.bytes);
    object.Set("sequence", static_cast<double>(event.sequence));
    object.Set("module", event.module);
    object.Set("thread", static_cast<double>(event.thread));
    object.Set("backward", event.backward);
    result.Set(static_cast<uint32_t>(i), object);
  }
  events.clear();
  return result;
}

}  // namespace

void addProfile(Napi::Env env, Napi::Object exports) {
  exports.Set("profileStart", Napi::Function::New(env, start, "profileStart"));
  exports.Set("profileModule", Napi::Function::New(env, module, "profileModule"));
  exports.Set("profileStop", Napi::Function::New(env, stop, "profileStop"));
}

}  // namespace skyloop
