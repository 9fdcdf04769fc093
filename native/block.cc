// A whole Swin transformer block: x + attention(norm1(x)), and feed-forward of that. Each thread takes rows of windows
// of some images and does everything for them, so that what lies between the four layers stays in its second cache;
// what gradients need is written besides. Results are those of dense, window_attention, dense and feedforward in turn,
// number by number; these are called where maps are small or rows few, and their gradients are the block's.
#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "attention-map.h"
#include "dense-ops.h"

namespace {

using at::Tensor;
using skyloop::PreparedLayer;
using skyloop::WindowMap;
using Optional = skyloop::OptionalTensor;

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
    for (int64_t i = 0; i < map.N; i++)
      rows[n * map.N + i] = i / map.window * map.W + (n * map.window + i % map.window + map.shift) % map.W;
  return rows;
}

// Where a training step keeps queries, keys and values, what attention makes of them, the block's middle and the
// feed-forward's values before GELU; else null.
struct Kept {
  float *joined, *mixed, *middle, *hidden;
};

struct Block {
  const WindowMap map;
  const PreparedLayer qkv, proj, feedforward;
  const int64_t hiddens;
  const Tensor bias;
  const skyloop::Masks<float> masks;
  const float scale;
  const float *drop1, *drop2;  // factors of each image's branches, or null
  const Kept kept;
  const std::vector<int64_t> bandRows = rowsOfBand(map), mapRows = map.rows();

  // Tokens whose queries, keys, values and mixed values take 400 KiB, but at least one band.
  int64_t mostBands() const {
    return std::max<int64_t>(1, (400 << 10) / (4 * map.C * int64_t(sizeof(float))) / (map.window * map.W));
  }
  int64_t tokens(int64_t bands) const { return bands * map.window * map.W; }
  int64_t layerNumbers() const {
    return std::max({qkv.bufferNumbers(), proj.bufferNumbers(), feedforward.bufferNumbers()});
  }
  int64_t bufferNumbers(int64_t bands) const {
    return tokens(bands) * 4 * map.C + skyloop::attentionNumbers(map.N, map.d) + layerNumbers();
  }

  // Of one band; `rows` are the positions of its windows from the first of `joined` and `mixed` on.
  void attend(int64_t band, const int64_t* rows, const float* joined, float* mixed, float* buffer) const {
    const int64_t across = map.W / map.window, size = map.N * skyloop::wideRow<float>(map.N);
    // Heads outside, so that a head's bias serves all windows.
    for (int64_t head = 0; head < map.heads; head++)
      for (int64_t n = 0; n < across; n++) {
        const skyloop::Place<float> place{rows + n * map.N,
                                          map.N,
                                          map.d,
                                          map.C,
                                          joined + head * map.d,
                                          bias.data_ptr<float>() + head * size,
                                          masks.of[band * across + n],
                                          scale,
                                          nullptr,
                                          nullptr};
        skyloop::attendWindow(place, mixed + head * map.d, buffer);
      }
  }
  // Bands `first` to before `last`.
  void run(int64_t first, int64_t last, const float* x, float* out, float* buffer) const {
    const int64_t C = map.C, L = map.H * map.W, bands = map.H / map.window;
    const bool keeps = kept.joined != nullptr;
    float* joined = keeps ? kept.joined : buffer;
    float* mixed = keeps ? kept.mixed : buffer + tokens(last - first) * 3 * C;
    float* middle = keeps ? kept.middle : out;
    float* attention = buffer + tokens(last - first) * 4 * C;
    float* layer = attention + skyloop::attentionNumbers(map.N, map.d);
    const auto runs = runsOf(map, first, last);
    for (const auto& [from, at, tokens] : runs)
      qkv.run(tokens, x + from * C, nullptr, joined + (keeps ? from : at) * 3 * C, layer);
    for (int64_t unit = first; unit < last; unit++) {
      const int64_t band = unit % bands, start = keeps ? unit / bands * L : tokens(unit - first);
      attend(band, keeps ? mapRows.data() + band * (map.W / map.window) * map.N : bandRows.data(),
             joined + start * 3 * C, mixed + start * C, attention);
    }
    for (const auto& [from, at, tokens] : runs) {
      proj.run(tokens, mixed + (keeps ? from : at) * C, x + from * C, middle + from * C, layer,
               {drop1, L, from, nullptr});
      feedforward.run(tokens, middle + from * C, middle + from * C, out + from * C, layer,
                      {drop2, L, from, keeps ? kept.hidden + from * hiddens : nullptr});
    }
  }
};

using Attention = Tensor(const Tensor&, const Tensor&, const Tensor&, const c10::optional<Tensor>&, int64_t, int64_t,
                         double);

// x [B, H W, C]; mask [windows, N, N] or none; drop1 and drop2 [B] or none; weights as `dense`, `window_attention` and
// `feedforward` take them -> [B, H W, C], and, where `keep`, what gradients need: queries, keys and values, what
// attention makes of them, the middle, and what `feedforward` keeps.
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> swinBlockKept(
    const Tensor& xAny, int64_t H, int64_t W, int64_t window, int64_t shift, double scale, const Tensor& norm1Weight,
    const Tensor& norm1Bias, double eps, const Tensor& qkvWeight, const Tensor& qkvBias, const Tensor& table,
    const Tensor& positions, const c10::optional<Tensor>& mask, const Tensor& projWeight, const Tensor& projBias,
    const Tensor& norm2Weight, const Tensor& norm2Bias, const Tensor& weight1, const Tensor& bias1,
    const Tensor& weight2, const Tensor& bias2, const Optional& drop1, const Optional& drop2, bool keep) {
  const auto x = xAny.contiguous();
  const int64_t B = x.size(0), C = x.size(2), rows = B * H * W, hiddens = weight1.size(0);
  TORCH_CHECK(x.size(1) == H * W, "swin_block: ", x.sizes(), " is no map of ", H, " x ", W);
  const auto fits = [](const Tensor& weight, int64_t outputs, int64_t inputs) {
    return weight.dim() == 2 && weight.size(0) == outputs && weight.size(1) == inputs;
  };
  TORCH_CHECK(
      fits(qkvWeight, 3 * C, C) && fits(projWeight, C, C) && fits(weight1, hiddens, C) && fits(weight2, C, hiddens),
      "swin_block: weights ", qkvWeight.sizes(), ", ", projWeight.sizes(), ", ", weight1.sizes(), " and ",
      weight2.sizes(), " do not fit x ", x.sizes());
  for (const auto* vector : {&norm1Weight, &norm1Bias, &projBias, &norm2Weight, &norm2Bias, &bias2})
    TORCH_CHECK(vector->numel() == C, "swin_block: norm or bias ", vector->sizes(), " does not fit x ", x.sizes());
  TORCH_CHECK(qkvBias.numel() == 3 * C && bias1.numel() == hiddens, "swin_block: biases ", qkvBias.sizes(), " and ",
              bias1.sizes(), " do not fit their weights");
  for (const auto* drop : {&drop1, &drop2})
    TORCH_CHECK(!drop->has_value() || !(*drop)->defined() || (*drop)->numel() == B, "swin_block: factors ",
                (*drop)->sizes(), " are not one for each of ", B, " images");
  const int64_t units = B * (H / window), workers = at::get_num_threads(), perWorker = (units + workers - 1) / workers;
  const bool uneven = units * 10 < perWorker * workers * 9;
  if (x.scalar_type() != at::kFloat || uneven || rows < 48 * workers ||
      (keep && skyloop::hasFewRows(rows, C, hiddens))) {
    static auto attention =
        c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::window_attention", "").typed<Attention>();
    const auto joined =
        skyloop::dense(x, norm1Weight, norm1Bias, eps, qkvWeight, qkvBias, {}, {}).view({B, H, W, 3 * C});
    const auto mixed = attention.call(joined, table, positions, mask, window, shift, scale).view({B, H * W, C});
    const auto middle = skyloop::dense(mixed, {}, {}, 0, projWeight, projBias, x, drop1);
    const auto [out, hidden] =
        skyloop::feedforwardKept(middle, norm2Weight, norm2Bias, eps, weight1, bias1, weight2, bias2, drop2, keep);
    if (!keep) return {out, Tensor(), Tensor(), Tensor(), Tensor()};
    return {out, joined, mixed, middle, hidden};
  }
  const auto out = at::empty_like(x);
  Tensor joined, mixed, middle, hidden;
  if (keep) {
    joined = at::empty({B, H, W, 3 * C}, x.options());
    mixed = at::empty_like(x);
    middle = at::empty_like(x);
    hidden = at::empty({rows, hiddens}, x.options());
  }
  const auto plain = [](const Optional& tensor) {
    return tensor && tensor->defined() ? tensor->contiguous() : Tensor();
  };
  const auto into = [](const Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<float>() : nullptr; };
  const auto plainTable = table.contiguous(), factors1 = plain(drop1), factors2 = plain(drop2);
  const std::vector<int64_t> sizes{B, H, W, qkvWeight.size(0)};
  const WindowMap map(sizes, table, positions, mask, window, shift);
  const Block block{map,
                    PreparedLayer::linear(norm1Weight, norm1Bias, eps, qkvWeight, qkvBias),
                    PreparedLayer::linear(Tensor(), Tensor(), 0, projWeight, projBias),
                    PreparedLayer::feedforward(norm2Weight, norm2Bias, eps, weight1, bias1, weight2, bias2),
                    hiddens,
                    skyloop::spreadBias<float>(map, plainTable, positions.data_ptr<int64_t>()),
                    skyloop::Masks<float>(map, mask),
                    static_cast<float>(scale),
                    into(factors1),
                    into(factors2),
                    {into(joined), into(mixed), into(middle), into(hidden)}};
  // As few groups of bands for each worker as there can be, all alike.
  const int64_t groups = (perWorker + block.mostBands() - 1) / block.mostBands(),
                bands = (perWorker + groups - 1) / groups;
  at::parallel_for(0, workers, 1, [&](int64_t firstWorker, int64_t lastWorker) {
    const Tensor buffer = at::empty({block.bufferNumbers(bands)}, x.options());
    for (int64_t worker = firstWorker; worker < lastWorker; worker++) {
      const int64_t last = std::min(units, (worker + 1) * perWorker);
      for (int64_t first = worker * perWorker; first < last; first += bands)
        block.run(first, std::min(last, first + bands), x.data_ptr<float>(), out.data_ptr<float>(),
                  buffer.data_ptr<float>());
    }
  });
  return {out, joined, mixed, middle, hidden};
}

Tensor swinBlock(const Tensor& x, int64_t H, int64_t W, int64_t window, int64_t shift, double scale,
                 const Tensor& norm1Weight, const Tensor& norm1Bias, double eps, const Tensor& qkvWeight,
                 const Tensor& qkvBias, const Tensor& table, const Tensor& positions, const c10::optional<Tensor>& mask,
                 const Tensor& projWeight, const Tensor& projBias, const Tensor& norm2Weight, const Tensor& norm2Bias,
                 const Tensor& weight1, const Tensor& bias1, const Tensor& weight2, const Tensor& bias2,
                 const Optional& drop1, const Optional& drop2) {
  return std::get<0>(swinBlockKept(x, H, W, window, shift, scale, norm1Weight, norm1Bias, eps, qkvWeight, qkvBias,
                                   table, positions, mask, projWeight, projBias, norm2Weight, norm2Bias, weight1, bias1,
                                   weight2, bias2, drop1, drop2, false));
}

struct SwinBlock : torch::autograd::Function<SwinBlock> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, int64_t H, int64_t W,
                        int64_t window, int64_t shift, double scale, const Tensor& norm1Weight, const Tensor& norm1Bias,
                        double eps, const Tensor& qkvWeight, const Tensor& qkvBias, const Tensor& table,
                        const Tensor& positions, const Optional& mask, const Tensor& projWeight, const Tensor& projBias,
                        const Tensor& norm2Weight, const Tensor& norm2Bias, const Tensor& weight1, const Tensor& bias1,
                        const Tensor& weight2, const Tensor& bias2, const Optional& drop1, const Optional& drop2) {
    at::AutoDispatchBelowADInplaceOrView below;
    const skyloop::TrainingStep step;
    static auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::swin_block_kept", "").typed<decltype(swinBlockKept)>();
    auto [out, joined, mixed, middle, hidden] =
        op.call(x, H, W, window, shift, scale, norm1Weight, norm1Bias, eps, qkvWeight, qkvBias, table, positions, mask,
                projWeight, projBias, norm2Weight, norm2Bias, weight1, bias1, weight2, bias2, drop1, drop2, true);
    context->save_for_backward({x, norm1Weight, norm1Bias, qkvWeight, table, positions, mask.value_or(Tensor()),
                                projWeight, norm2Weight, norm2Bias, weight1, weight2, drop1.value_or(Tensor()),
                                drop2.value_or(Tensor()), joined, mixed, middle, hidden});
    context->saved_data["window"] = window;
    context->saved_data["shift"] = shift;
    context->saved_data["scale"] = scale;
    context->saved_data["eps"] = eps;
    return out;
  }
  // Those of the four layers, last to first; the two residuals' besides.
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    static auto feedforwardOp = c10::Dispatcher::singleton()
                                    .findSchemaOrThrow("skyloop::feedforward_backward", "")
                                    .typed<decltype(skyloop::feedforwardBackward)>();
    static auto denseOp = c10::Dispatcher::singleton()
                              .findSchemaOrThrow("skyloop::dense_backward", "")
                              .typed<decltype(skyloop::denseBackward)>();
    static auto attentionOp =
        c10::Dispatcher::singleton()
            .findSchemaOrThrow("skyloop::window_attention_backward", "")
            .typed<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                              const Optional&, int64_t, int64_t, double)>();
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &norm1Weight = saved[1], &norm1Bias = saved[2], &qkvWeight = saved[3], &table = saved[4],
               &positions = saved[5], &projWeight = saved[7], &norm2Weight = saved[8], &norm2Bias = saved[9],
               &weight1 = saved[10], &weight2 = saved[11], &joined = saved[14], &mixed = saved[15], &middle = saved[16],
               &hidden = saved[17];
    const auto optional = [&](size_t which) { return saved[which].defined() ? Optional(saved[which]) : c10::nullopt; };
    const double eps = context->saved_data["eps"].toDouble();
    const auto [gradMiddle, gradNorm2Weight, gradNorm2Bias, gradWeight1, gradBias1, gradWeight2, gradBias2] =
        feedforwardOp.call(grads[0], hidden, middle, norm2Weight, norm2Bias, eps, weight1, weight2, optional(13));
    const auto [gradMixed, none1, none2, gradProjWeight, gradProjBias] =
        denseOp.call(gradMiddle, mixed, c10::nullopt, c10::nullopt, 0, projWeight, true, optional(12));
    auto sizes = joined.sizes().vec();
    sizes.back() /= 3;
    const auto [gradJoined, gradTable] = attentionOp.call(
        gradMixed.view(sizes), joined, table, positions, optional(6), context->saved_data["window"].toInt(),
        context->saved_data["shift"].toInt(), context->saved_data["scale"].toDouble());
    const auto [gradX, gradNorm1Weight, gradNorm1Bias, gradQkvWeight, gradQkvBias] =
        denseOp.call(gradJoined.view({x.size(0), x.size(1), 3 * x.size(2)}), x, norm1Weight, norm1Bias, eps, qkvWeight,
                     true, c10::nullopt);
    const Tensor none;
    return {gradX.add_(gradMiddle),
            none,
            none,
            none,
            none,
            none,
            gradNorm1Weight,
            gradNorm1Bias,
            none,
            gradQkvWeight,
            gradQkvBias,
            gradTable,
            none,
            none,
            gradProjWeight,
            gradProjBias,
            gradNorm2Weight,
            gradNorm2Bias,
            gradWeight1,
            gradBias1,
            gradWeight2,
            gradBias2,
            none,
            none};
  }
};

Tensor recorded(const Tensor& x, int64_t H, int64_t W, int64_t window, int64_t shift, double scale,
                const Tensor& norm1Weight, const Tensor& norm1Bias, double eps, const Tensor& qkvWeight,
                const Tensor& qkvBias, const Tensor& table, const Tensor& positions, const Optional& mask,
                const Tensor& projWeight, const Tensor& projBias, const Tensor& norm2Weight, const Tensor& norm2Bias,
                const Tensor& weight1, const Tensor& bias1, const Tensor& weight2, const Tensor& bias2,
                const Optional& drop1, const Optional& drop2) {
  const auto run = [&](auto apply) {
    return apply(x, H, W, window, shift, scale, norm1Weight, norm1Bias, eps, qkvWeight, qkvBias, table, positions, mask,
                 projWeight, projBias, norm2Weight, norm2Bias, weight1, bias1, weight2, bias2, drop1, drop2);
  };
  bool learns = false;
  for (const auto* tensor : {&x, &norm1Weight, &norm1Bias, &qkvWeight, &qkvBias, &table, &projWeight, &projBias,
                             &norm2Weight, &norm2Bias, &weight1, &bias1, &weight2, &bias2})
    learns = learns || tensor->requires_grad();
  if (learns && at::GradMode::is_enabled())
    return run([](const auto&... arguments) { return SwinBlock::apply(arguments...); });
  at::AutoDispatchBelowADInplaceOrView below;
  static auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::swin_block", "").typed<decltype(swinBlock)>();
  return run([](const auto&... arguments) { return op.call(arguments...); });
}

}  // namespace

#define SWIN_BLOCK_ARGUMENTS                                                                                        \
  "Tensor x, int H, int W, int window, int shift, float scale, Tensor norm1_weight, Tensor norm1_bias, float eps, " \
  "Tensor qkv_weight, Tensor qkv_bias, Tensor table, "                                                              \
  "Tensor positions, Tensor? mask, Tensor proj_weight, Tensor proj_bias, Tensor norm2_weight, Tensor norm2_bias, "  \
  "Tensor weight1, Tensor bias1, Tensor weight2, Tensor bias2, "                                                    \
  "Tensor? drop1, Tensor? drop2"

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def("swin_block(" SWIN_BLOCK_ARGUMENTS ") -> Tensor");
  library.def("swin_block_kept(" SWIN_BLOCK_ARGUMENTS ", bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("swin_block", swinBlock);
  library.impl("swin_block_kept", swinBlockKept);
}
TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) { library.impl("swin_block", recorded); }
