#pragma once
#include <napi.h>

#include <ATen/ATen.h>

namespace skyloop {

// The tensor of a handle from JavaScript; throws where there is none (torch.cc).
at::Tensor& unwrap(const Napi::Value& value);

// Runs `body` and turns what libtorch throws into JavaScript's errors.
template <typename Body>
auto guarded(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    throw Napi::Error::New(env, error.what_without_backtrace());
  } catch (const Napi::Error&) { throw; } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

}  // namespace skyloop
