#pragma once
#include <cstdint>

#include <napi.h>

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

namespace skyloop {

// A number without a fraction, a bigint or a boolean as an integer; throws TypeError for anything else.
int64_t toInteger(const Napi::Value& value);
// Throws TypeError for anything but a boolean.
bool toBool(const Napi::Value& value);
// A value as `type` wants it; `fixedLength`: of schemas such as int[2]. Throws TypeError where it does not fit.
c10::IValue toIValue(const Napi::Value& value, const c10::TypePtr& type, const c10::optional<int32_t>& fixedLength);

}  // namespace skyloop
