// A whole Swin transformer block where nothing is recorded for gradients: x + attention(norm1(x)), and feed-forward of that. Each thread takes rows of windows of some
// images and does everything for them, so that what lies between the four layers stays in its second cache. Results are those of dense, window_attention, dense
// and feedforward in turn, number by number; these are called where maps are small or rows few.
#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "attention-map.h"
#include "dense-ops.h"

namespace {

using at::Tensor;
using skyloop::PreparedLayer;
using skyloop::WindowMap;

// A run of tokens that follow one another both in the map and among those that a thread works on.
struct Run {
  int64_t from, at, tokens;
};

// Bands (rows of windows of one image, rolled by the shift) `first` to before `last` as runs of tokens.
std::vector<Run> runsOf(const WindowMap& map, int64_t first, int64_t last) {
  const int64_t bands = map.H / map.window, size = map.window * map.W;
  std::vector<Run> runs;
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t image = unit / bands, top = unit % bands * map.window + map.shift;
    for (int64_t y = 0; y < map.window; y++) {
      const int64_t from = (image * map.H + (top + y) % map.H) * map.W, at = (unit - first) * size + y * map.W;
      if (!runs.empty() && runs.back().from + runs.back().tokens == from)
        runs.back().tokens += map.W;
      else
        runs.push_back({from, at, map.W});
    }
  }
  return runs;
}

// Positions of each window of a band among the band's tokens: [windows of a band, N].
std::vector<int64_t> rowsOfBand(const WindowMap& map) {
  const int64_t across = map.W / map.window;
  std::vector<int64_t> rows(across * map.N);
  for (int64_t n = 0; n < across; n++)
    for (int64_t i = 0; i < map.N; i++) rows[n * map.N + i] = i / map.window * map.W + (n * map.window + i % map.window + map.shift) % map.W;
  return rows;
}

struct Block {
  const WindowMap map;
  const PreparedLayer qkv, proj, feedforward;
  const Tensor bias;
  const skyloop::Masks<float> masks;
  const float scale;
  const std::vector<int64_t> rows = rowsOfBand(map);

  // Tokens whose queries, keys, values and mixed values take 400 KiB, but at least one band.
  int64_t mostBands() const { return std::max<int64_t>(1, (400 << 10) / (4 * map.C * int64_t(sizeof(float))) / (map.window * map.W)); }
  int64_t tokens(int64_t bands) const { return bands * map.window * map.W; }
  int64_t layerNumbers() const { return std::max({qkv.bufferNumbers(), proj.bufferNumbers(), feedforward.bufferNumbers()}); }
  int64_t bufferNumbers(int64_t bands) const { return tokens(bands) * 4 * map.C + skyloop::attentionNumbers(map.N, map.d) + layerNumbers(); }

  void attend(int64_t first, int64_t last, const float* joined, float* mixed, float* buffer) const {
    const int64_t bands = map.H / map.window, across = map.W / map.window, size = map.N * skyloop::wideRow<float>(map.N);
    for (int64_t unit = first; unit < last; unit++) {
      const int64_t at = tokens(unit - first), band = unit % bands;
      // Heads outside, so that a head's bias serves all windows.
      for (int64_t head = 0; head < map.heads; head++)
        for (int64_t n = 0; n < across; n++) {
          const skyloop::Place<float> place{rows.data() + n * map.N, map.N, map.d, map.C, joined + at * 3 * map.C + head * map.d, bias.data_ptr<float>() + head * size,
                                            masks.of[band * across + n], scale, nullptr, nullptr};
          skyloop::attendWindow(place, mixed + at * map.C + head * map.d, buffer);
        }
    }
  }
  // Bands `first` to before `last`.
  void run(int64_t first, int64_t last, const float* x, float* out, float* buffer) const {
    float* joined = buffer;
    float* mixed = joined + tokens(last - first) * 3 * map.C;
    float* attention = mixed + tokens(last - first) * map.C;
    float* layer = attention + skyloop::attentionNumbers(map.N, map.d);
    const auto runs = runsOf(map, first, last);
    const int64_t C = map.C;
    for (const auto& [from, at, tokens] : runs) qkv.run(tokens, x + from * C, nullptr, joined + at * 3 * C, layer);
    attend(first, last, joined, mixed, attention);
    for (const auto& [from, at, tokens] : runs) {
      proj.run(tokens, mixed + at * C, x + from * C, out + from * C, layer);
      feedforward.run(tokens, out + from * C, out + from * C, out + from * C, layer);
    }
  }
};

// x [B, H W, C]; mask [windows, N, N] or none; weights as `dense`, `window_attention` and `feedforward` take them -> [B, H W, C]
Tensor swinBlock(const Tensor& xAny, int64_t H, int64_t W, int64_t window, int64_t shift, double scale, const Tensor& norm1Weight, const Tensor& norm1Bias, double eps,
                 const Tensor& qkvWeight, const Tensor& qkvBias, const Tensor& table, const Tensor& positions, const c10::optional<Tensor>& mask, const Tensor& projWeight,
                 const Tensor& projBias, const Tensor& norm2Weight, const Tensor& norm2Bias, const Tensor& weight1, const Tensor& bias1, const Tensor& weight2, const Tensor& bias2) {
  const auto x = xAny.contiguous();
  const int64_t B = x.size(0), C = x.size(2), rows = B * H * W;
  TORCH_CHECK(x.size(1) == H * W, "swin_block: ", x.sizes(), " is no map of ", H, " x ", W);
  const int64_t units = B * (H / window), workers = at::get_num_threads(), perWorker = (units + workers - 1) / workers;
  const bool uneven = units * 10 < perWorker * workers * 9;
  if (x.scalar_type() != at::kFloat || uneven || rows < 48 * workers) {
    static auto attention = c10::Dispatcher::singleton()
                                .findSchemaOrThrow("skyloop::window_attention", "")
                                .typed<Tensor(const Tensor&, const Tensor&, const Tensor&, const c10::optional<Tensor>&, int64_t, int64_t, double)>();
    const auto joined = skyloop::dense(x, norm1Weight, norm1Bias, eps, qkvWeight, qkvBias, {}, {});
    const auto mixed = attention.call(joined.view({B, H, W, 3 * C}), table, positions, mask, window, shift, scale);
    const auto y = skyloop::dense(mixed.view({B, H * W, C}), {}, {}, 0, projWeight, projBias, x, {});
    return skyloop::feedforward(y, norm2Weight, norm2Bias, eps, weight1, bias1, weight2, bias2, {});
  }
  const std::vector<int64_t> sizes{B, H, W, qkvWeight.size(0)};
  const WindowMap map(sizes, table, positions, mask, window, shift);
  const auto plainTable = table.contiguous();
  const Block block{map,
                    PreparedLayer::linear(norm1Weight, norm1Bias, eps, qkvWeight, qkvBias),
                    PreparedLayer::linear(Tensor(), Tensor(), 0, projWeight, projBias),
                    PreparedLayer::feedforward(norm2Weight, norm2Bias, eps, weight1, bias1, weight2, bias2),
                    skyloop::spreadBias<float>(map, plainTable, positions.data_ptr<int64_t>()),
                    skyloop::Masks<float>(map, mask),
                    static_cast<float>(scale)};
  auto out = at::empty_like(x);
  // As few groups of bands for each worker as there can be, all alike.
  const int64_t groups = (perWorker + block.mostBands() - 1) / block.mostBands(), bands = (perWorker + groups - 1) / groups;
  at::parallel_for(0, workers, 1, [&](int64_t firstWorker, int64_t lastWorker) {
    const Tensor buffer = at::empty({block.bufferNumbers(bands)}, x.options());
    for (int64_t worker = firstWorker; worker < lastWorker; worker++) {
      const int64_t last = std::min(units, (worker + 1) * perWorker);
      for (int64_t first = worker * perWorker; first < last; first += bands) block.run(first, std::min(last, first + bands), x.data_ptr<float>(), out.data_ptr<float>(), buffer.data_ptr<float>());
    }
  });
  return out;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def(
      "swin_block(Tensor x, int H, int W, int window, int shift, float scale, Tensor norm1_weight, Tensor norm1_bias, float eps, Tensor qkv_weight, Tensor qkv_bias, Tensor table, "
      "Tensor positions, Tensor? mask, Tensor proj_weight, Tensor proj_bias, Tensor norm2_weight, Tensor norm2_bias, Tensor weight1, Tensor bias1, Tensor weight2, Tensor bias2) -> "
      "Tensor");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) { library.impl("swin_block", swinBlock); }
