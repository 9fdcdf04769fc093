// What JavaScript gives to an operator, as its schema wants it.
#include "arguments.h"

#include <cmath>
#include <string>

#include "handles.h"

namespace skyloop {

int64_t toInteger(const Napi::Value& value) {
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsBigInt()) {
    bool lossless = true;
    return value.As<Napi::BigInt>().Int64Value(&lossless);
  }
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), "expected an integer");
  double number = value.As<Napi::Number>().DoubleValue();
  if (number != std::floor(number))
    throw Napi::TypeError::New(value.Env(), "expected an integer, got " + std::to_string(number));
  return static_cast<int64_t>(number);
}

bool toBool(const Napi::Value& value) {
  if (!value.IsBoolean()) throw Napi::TypeError::New(value.Env(), "expected true or false");
  return value.As<Napi::Boolean>().Value();
}

namespace {

double toDouble(const Napi::Value& value) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), "expected a number");
  return value.As<Napi::Number>().DoubleValue();
}

// A whole number becomes an integer scalar, as in Python; a fraction becomes a double.
at::Scalar toScalar(const Napi::Value& value) {
  if (value.IsBoolean()) return at::Scalar(value.As<Napi::Boolean>().Value());
  if (value.IsBigInt()) return at::Scalar(toInteger(value));
  double number = toDouble(value);
  if (number == std::floor(number) && std::abs(number) < 9007199254740992.0)
    return at::Scalar(static_cast<int64_t>(number));
  return at::Scalar(number);
}

template <typename T, typename Convert>
c10::List<T> toList(const Napi::Value& value, const c10::optional<int32_t>& fixedLength, Convert convert) {
  c10::List<T> list;
  if (!value.IsArray()) {
    // Schemas such as int[2] take one number for all.
    for (int32_t i = 0; i < fixedLength.value_or(1); i++) list.push_back(convert(value));
    return list;
  }
  auto array = value.As<Napi::Array>();
  uint32_t length = array.Length();
  list.reserve(length);
  for (uint32_t i = 0; i < length; i++) list.push_back(convert(array.Get(i)));
  return list;
}

}  // namespace

c10::IValue toIValue(const Napi::Value& value, const c10::TypePtr& type, const c10::optional<int32_t>& fixedLength) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      if (value.IsNull() || value.IsUndefined()) return c10::IValue();
      return toIValue(value, type->castRaw<c10::OptionalType>()->getElementType(), fixedLength);
    case c10::TypeKind::TensorType:
      if (value.IsNull()) return at::Tensor();
      return unwrap(value);
    case c10::TypeKind::NumberType:
      return toScalar(value);
    case c10::TypeKind::FloatType:
      return toDouble(value);
    case c10::TypeKind::BoolType:
      return toBool(value);
    case c10::TypeKind::StringType:
      return value.As<Napi::String>().Utf8Value();
    case c10::TypeKind::DeviceObjType:
      return c10::Device(value.As<Napi::String>().Utf8Value());
    case c10::TypeKind::ListType: {
      auto element = type->castRaw<c10::ListType>()->getElementType();
      switch (element->kind()) {
        case c10::TypeKind::TensorType:
          return toList<at::Tensor>(value, fixedLength, [](const Napi::Value& v) { return unwrap(v); });
        case c10::TypeKind::OptionalType: {
          c10::List<c10::optional<at::Tensor>> list;
          auto array = value.As<Napi::Array>();
          for (uint32_t i = 0; i < array.Length(); i++) {
            Napi::Value item = array.Get(i);
            list.push_back(item.IsNull() || item.IsUndefined() ? c10::optional<at::Tensor>()
                                                               : c10::optional<at::Tensor>(unwrap(item)));
          }
          return list;
        }
        case c10::TypeKind::FloatType:
          return toList<double>(value, fixedLength, toDouble);
        case c10::TypeKind::BoolType:
          return toList<bool>(value, fixedLength, toBool);
        default:
          return toList<int64_t>(value, fixedLength, toInteger);
      }
    }
    default:
      // Integers and what schemas count as integers: dtype, layout, memory format, symbolic sizes.
      return toInteger(value);
  }
}

}  // namespace skyloop
