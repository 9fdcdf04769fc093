// One door from JavaScript to libtorch: `call(operator, overload, args)` looks the operator up in the ATen dispatcher,
// converts the arguments by its schema and calls it boxed, so that every operator, its gradient and every device work
// without a line of their own. Around it: tensor handles, typed arrays in and out, backward, grad mode, seeds, threads,
// memory.
#include <malloc.h>
#include <napi.h>

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include "arguments.h"
#include "distributed.h"
#include "handles.h"
#include "memory.h"
#include "profile.h"
#include "../kernels/variants.h"

namespace {

std::atomic<int64_t> liveTensors{0};

// Owned by a JavaScript external; `tensor` is emptied by `free` and by the finaliser, whichever comes first.
struct Handle {
  at::Tensor tensor;
};

const napi_type_tag HANDLE_TAG = {0x736b796c6f6f7001ULL, 0x74656e736f720001ULL};

Napi::Value wrap(Napi::Env env, at::Tensor tensor) {
  auto* handle = new Handle{std::move(tensor)};
  liveTensors++;
  auto external = Napi::External<Handle>::New(env, handle, [](Napi::Env, Handle* h) {
    if (h->tensor.defined()) liveTensors--;
    delete h;
  });
  external.TypeTag(&HANDLE_TAG);
  return external;
}

}  // namespace

namespace skyloop {
at::Tensor& unwrap(const Napi::Value& value) {
  if (!value.IsExternal()) throw Napi::TypeError::New(value.Env(), "expected a tensor");
  auto external = value.As<Napi::External<Handle>>();
  if (!external.CheckTypeTag(&HANDLE_TAG))
    throw Napi::TypeError::New(value.Env(), "expected a tensor, got another native object");
  auto& tensor = external.Data()->tensor;
  if (!tensor.defined()) throw Napi::Error::New(value.Env(), "tensor was used after it was freed");
  return tensor;
}
}  // namespace skyloop

namespace {

using skyloop::guarded;
using skyloop::toBool;
using skyloop::toInteger;
using skyloop::toIValue;
using skyloop::unwrap;

// ---- operators -------------------------------------------------------------------------------------

Napi::Value fromIValue(Napi::Env env, const c10::IValue& value) {
  if (value.isTensor()) {
    auto tensor = value.toTensor();
    return tensor.defined() ? wrap(env, tensor) : env.Null();
  }
  if (value.isInt()) return Napi::Number::New(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return Napi::Number::New(env, value.toDouble());
  if (value.isBool()) return Napi::Boolean::New(env, value.toBool());
  if (value.isString()) return Napi::String::New(env, value.toStringRef());
  if (value.isList()) {
    auto list = value.toListRef();
    auto array = Napi::Array::New(env, list.size());
    for (size_t i = 0; i < list.size(); i++) array.Set(i, fromIValue(env, list[i]));
    return array;
  }
  return env.Null();
}

using Table = std::unordered_map<std::string, c10::OperatorHandle>;

const c10::OperatorHandle& findOperator(Napi::Env env, const std::string& name) {
  thread_local Table table;
  auto known = table.find(name);
  if (known != table.end()) return known->second;
  auto dot = name.find('.');
  std::string base = "aten::" + name.substr(0, dot);
  if (name.find("::") != std::string::npos) base = name.substr(0, dot);
  std::string overload = dot == std::string::npos ? "" : name.substr(dot + 1);
  auto found = c10::Dispatcher::singleton().findSchema({base, overload});
  if (!found)
    throw Napi::Error::New(
        env, "no operator " + base + (overload.empty() ? "" : "." + overload) + " in libtorch " TORCH_VERSION);
  return table.emplace(name, *found).first->second;
}

// call(name, args): args in the schema's order, keyword-only ones included; missing or undefined ones take the schema's
// default.
Napi::Value call(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto name = info[0].As<Napi::String>().Utf8Value();
  auto args = info[1].As<Napi::Array>();
  const auto& op = findOperator(env, name);
  const auto& schema = op.schema();
  const auto& formal = schema.arguments();
  uint32_t given = args.Length();
  if (given > formal.size())
    throw Napi::TypeError::New(env,
                               "takes " + std::to_string(formal.size()) + " arguments, got " + std::to_string(given));
  torch::jit::Stack stack;
  stack.reserve(formal.size());
  for (size_t i = 0; i < formal.size(); i++) {
    Napi::Value value = i < given ? args.Get(static_cast<uint32_t>(i)) : env.Undefined();
    if (value.IsUndefined()) {
      if (!formal[i].default_value()) throw Napi::TypeError::New(env, "argument `" + formal[i].name() + "` is missing");
      stack.push_back(*formal[i].default_value());
    } else {
      try {
        stack.push_back(toIValue(value, formal[i].type(), formal[i].N()));
      } catch (const Napi::Error& error) {
        throw Napi::TypeError::New(env, "argument `" + formal[i].name() + "`: " + error.Message());
      }
    }
  }
  guarded(env, [&] { op.callBoxed(&stack); });
  if (stack.size() == 1) return fromIValue(env, stack[0]);
  auto results = Napi::Array::New(env, stack.size());
  for (size_t i = 0; i < stack.size(); i++) results.Set(i, fromIValue(env, stack[i]));
  return results;
}

// ---- tensors ---------------------------------------------------------------------------------------

at::ScalarType typeOf(Napi::Env env, const Napi::TypedArray& array) {
  switch (array.TypedArrayType()) {
    case napi_float32_array:
      return at::kFloat;
    case napi_float64_array:
      return at::kDouble;
    case napi_int32_array:
      return at::kInt;
    case napi_bigint64_array:
      return at::kLong;
    case napi_uint8_array:
      return at::kByte;
    case napi_uint8_clamped_array:
      return at::kByte;
    case napi_int8_array:
      return at::kChar;
    case napi_int16_array:
      return at::kShort;
    default:
      throw Napi::TypeError::New(env, "this kind of typed array has no tensor type");
  }
}

std::vector<int64_t> toShape(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<int64_t> shape(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) shape[i] = toInteger(array.Get(i));
  return shape;
}

uint8_t* bytesOf(const Napi::TypedArray& array) {
  void* data = nullptr;
  napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &data, nullptr, nullptr);
  return static_cast<uint8_t*>(data);
}

// fromArray(typedArray, shape, dtype?): a copy. With dtype the bytes are read as that type (half floats from
// Uint8Array).
Napi::Value fromArray(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto array = info[0].As<Napi::TypedArray>();
  auto shape = toShape(info[1]);
  return guarded(env, [&] {
    auto type = info[2].IsNumber() ? static_cast<at::ScalarType>(toInteger(info[2])) : typeOf(env, array);
    auto tensor = at::empty(shape, at::TensorOptions(type));
    if (tensor.nbytes() != array.ByteLength())
      throw Napi::RangeError::New(env, "data has " + std::to_string(array.ByteLength()) + " bytes, its shape needs " +
                                           std::to_string(tensor.nbytes()));
    if (tensor.nbytes() > 0) std::memcpy(tensor.data_ptr(), bytesOf(array), tensor.nbytes());
    return wrap(env, tensor);
  });
}

// copyTo(tensor, typedArray): the elements in row-major order, as they are (no conversion).
Napi::Value copyTo(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto& source = unwrap(info[0]);
  auto array = info[1].As<Napi::TypedArray>();
  return guarded(env, [&] {
    auto tensor = source.detach().cpu().contiguous();
    if (tensor.nbytes() != array.ByteLength())
      throw Napi::RangeError::New(env, "tensor has " + std::to_string(tensor.nbytes()) + " bytes, the array " +
                                           std::to_string(array.ByteLength()));
    if (tensor.nbytes() > 0) std::memcpy(bytesOf(array), tensor.data_ptr(), tensor.nbytes());
    return env.Undefined();
  });
}

// copyFrom(tensor, typedArray): fills the tensor's own memory; the tensor must be contiguous and on the CPU.
Napi::Value copyFrom(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto& tensor = unwrap(info[0]);
  auto array = info[1].As<Napi::TypedArray>();
  if (!tensor.is_contiguous() || !tensor.device().is_cpu())
    throw Napi::Error::New(env, "only a contiguous tensor on the CPU can be filled");
  if (tensor.nbytes() != array.ByteLength())
    throw Napi::RangeError::New(env, "tensor has " + std::to_string(tensor.nbytes()) + " bytes, the array " +
                                         std::to_string(array.ByteLength()));
  if (tensor.nbytes() > 0) std::memcpy(tensor.data_ptr(), bytesOf(array), tensor.nbytes());
  tensor.unsafeGetTensorImpl()->bump_version();
  return env.Undefined();
}

Napi::Value freeTensor(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) return info.Env().Undefined();
  auto external = info[0].As<Napi::External<Handle>>();
  if (!external.CheckTypeTag(&HANDLE_TAG)) return info.Env().Undefined();
  auto& tensor = external.Data()->tensor;
  if (tensor.defined()) {
    tensor.reset();
    liveTensors--;
  }
  return info.Env().Undefined();
}

// A second owner of the same tensor.
Napi::Value alias(const Napi::CallbackInfo& info) { return wrap(info.Env(), unwrap(info[0])); }

Napi::Value shapeOf(const Napi::CallbackInfo& info) {
  auto sizes = unwrap(info[0]).sizes();
  auto shape = Napi::Array::New(info.Env(), sizes.size());
  for (size_t i = 0; i < sizes.size(); i++) shape.Set(i, Napi::Number::New(info.Env(), static_cast<double>(sizes[i])));
  return shape;
}

Napi::Value dtypeOf(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<int>(unwrap(info[0]).scalar_type()));
}
Napi::Value deviceOf(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), unwrap(info[0]).device().str());
}
Napi::Value isDefined(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), info[0].As<Napi::External<Handle>>().Data()->tensor.defined());
}

Napi::Value item(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto& tensor = unwrap(info[0]);
  return guarded(env, [&]() -> Napi::Value {
    auto scalar = tensor.item();
    if (scalar.isBoolean()) return Napi::Boolean::New(env, scalar.toBool());
    return Napi::Number::New(env, scalar.toDouble());
  });
}

// ---- autograd --------------------------------------------------------------------------------------

Napi::Value requiresGrad(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), unwrap(info[0]).requires_grad());
}

Napi::Value setRequiresGrad(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    unwrap(info[0]).set_requires_grad(toBool(info[1]));
    return info.Env().Undefined();
  });
}

Napi::Value gradOf(const Napi::CallbackInfo& info) {
  auto& grad = unwrap(info[0]).mutable_grad();
  return grad.defined() ? wrap(info.Env(), grad) : info.Env().Null();
}

// setGrad(tensor, grad or null)
Napi::Value setGrad(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    unwrap(info[0]).mutable_grad() = info[1].IsNull() ? at::Tensor() : unwrap(info[1]);
    return info.Env().Undefined();
  });
}

// backward(tensor, gradient or null, keepGraph)
Napi::Value backward(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto& root = unwrap(info[0]);
    torch::autograd::backward({root}, {info[1].IsNull() ? at::Tensor() : unwrap(info[1])}, toBool(info[2]));
    return info.Env().Undefined();
  });
}

Napi::Value gradMode(const Napi::CallbackInfo& info) {
  bool before = at::GradMode::is_enabled();
  if (info[0].IsBoolean()) at::GradMode::set_enabled(toBool(info[0]));
  return Napi::Boolean::New(info.Env(), before);
}

// ---- process ---------------------------------------------------------------------------------------

Napi::Value seed(const Napi::CallbackInfo& info) {
  at::manual_seed(static_cast<uint64_t>(toInteger(info[0])));
  return info.Env().Undefined();
}

// shortProducts(on?): sets where given, false where the processor has none; returns whether they are on.
Napi::Value shortProducts(const Napi::CallbackInfo& info) {
#ifdef SKYLOOP_X86_VARIANTS
  if (info[0].IsBoolean())
    skyloop::wantsShortProducts() = info[0].As<Napi::Boolean>().Value() && skyloop::hasShortProducts();
#endif
  return Napi::Boolean::New(info.Env(), skyloop::shortProducts());
}

// threads(n?): sets where given; returns the number of threads of one operator.
Napi::Value threads(const Napi::CallbackInfo& info) {
  if (info[0].IsNumber()) at::set_num_threads(static_cast<int>(toInteger(info[0])));
  return Napi::Number::New(info.Env(), at::get_num_threads());
}

Napi::Value live(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(liveTensors.load()));
}

// Tensors' memory is kept when they are freed (memory.cc).
Napi::Value keepMemory(const Napi::CallbackInfo& info) {
  skyloop::keepTensorMemory();
  return info.Env().Undefined();
}

// Bytes of tensors: in use, the largest so far, free and kept.
Napi::Value memory(const Napi::CallbackInfo& info) {
  const auto now = skyloop::tensorMemory();
  auto result = Napi::Object::New(info.Env());
  result.Set("live", Napi::Number::New(info.Env(), static_cast<double>(now.live)));
  result.Set("peak", Napi::Number::New(info.Env(), static_cast<double>(now.peak)));
  result.Set("kept", Napi::Number::New(info.Env(), static_cast<double>(now.kept)));
  return result;
}

// Gives kept free memory back to the system.
Napi::Value trimMemory(const Napi::CallbackInfo& info) {
  skyloop::releaseTensorMemory();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return info.Env().Undefined();
}

Napi::Value about(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto result = Napi::Object::New(env);
  result.Set("version", TORCH_VERSION);
  result.Set("config", at::show_config());
  result.Set("parallel", at::get_parallel_info());
  const auto gpus = at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
  result.Set("cudaDevices", Napi::Number::New(env, static_cast<double>(gpus)));
  result.Set("mkldnn", Napi::Boolean::New(env, at::hasMKLDNN()));
  return result;
}

// schema(name): the operator's signature, for errors and for tracing.
Napi::Value schemaOf(const Napi::CallbackInfo& info) {
  auto text = c10::str(findOperator(info.Env(), info[0].As<Napi::String>().Utf8Value()).schema());
  return Napi::String::New(info.Env(), text);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("call", call);
  add("schema", schemaOf);
  add("fromArray", fromArray);
  add("copyTo", copyTo);
  add("copyFrom", copyFrom);
  add("free", freeTensor);
  add("alias", alias);
  add("shape", shapeOf);
  add("dtype", dtypeOf);
  add("device", deviceOf);
  add("isDefined", isDefined);
  add("item", item);
  add("requiresGrad", requiresGrad);
  add("setRequiresGrad", setRequiresGrad);
  add("grad", gradOf);
  add("setGrad", setGrad);
  add("backward", backward);
  add("gradMode", gradMode);
  add("seed", seed);
  add("threads", threads);
  add("shortProducts", shortProducts);
  add("live", live);
  add("keepMemory", keepMemory);
  add("memory", memory);
  add("trimMemory", trimMemory);
  add("about", about);
  skyloop::addProfile(env, exports);
  skyloop::addDistributed(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(torch, init)
