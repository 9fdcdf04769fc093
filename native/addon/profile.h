#pragma once
#include <napi.h>

namespace skyloop {
// Adds profileStart, profileModule and profileStop to the addon.
void addProfile(Napi::Env env, Napi::Object exports);
}  // namespace skyloop
