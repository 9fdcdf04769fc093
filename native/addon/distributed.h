#pragma once
#include <napi.h>

namespace skyloop {
// Adds groupJoin, groupWatch, groupExpect, groupFinish, groupSum, groupBroadcast and groupLeave to the addon; `unwrap`
// gives a handle's tensor.
void addDistributed(Napi::Env env, Napi::Object exports);
}  // namespace skyloop
