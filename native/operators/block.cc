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
    return tokens(bands) * 4 * map.C + skyloop::attentionNumbers<float>(map.N, map.d) + layerNumbers();
  }

  // Of one band; `rows` are the positions of its windows from the first of `joined` and `mixed` on.
  void attend(int64_t band, const int64_t* rows, const float* joined, float* mixed, float* buffer) const {
    const int64_t across = map.W / map.window, size = map.N * skyloop::padded<float>(map.N);
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
        skyloop::kernels<float>().attend(place, mixed + head * map.d, buffer);
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
    float* layer = attention + skyloop::attentionNumbers<float>(map.N, map.d);
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

using Attention = Tensor(const Tensor&, const Tensor&, const Tensor&, const Optional&, int64_t, int64_t, double);

// What is not learned: sides of the map and of windows, the shift, what queries are multiplied by, the norms' eps, the
// places of window's pairs in the bias table [N N], the mask [windows, N, N] or none, and each image's factors of both
// branches, [B] or none.
struct Setting {
  int64_t H, W, window, shift;
  double scale, eps;
  Tensor positions;
  Optional mask, drop1, drop2;

  Setting(at::IntArrayRef grid, double scale, double eps, const Tensor& positions, const Optional& mask,
          const Optional& drop1, const Optional& drop2)
      : H(grid.size() == 4 ? grid[0] : 0),
        W(grid.size() == 4 ? grid[1] : 0),
        window(grid.size() == 4 ? grid[2] : 0),
        shift(grid.size() == 4 ? grid[3] : 0),
        scale(scale),
        eps(eps),
        positions(positions),
        mask(mask),
        drop1(drop1),
        drop2(drop2) {
    TORCH_CHECK(H > 0 && W > 0 && window > 0 && shift >= 0, "swin_block: grid ", grid,
                " is not height, width, window and shift");
  }
};

// What is learned, as `dense`, `window_attention` and `feedforward` take it, in this order.
struct Learned {
  static constexpr size_t COUNT = 13;
  const Tensor &norm1Weight, &norm1Bias, &qkvWeight, &qkvBias, &table, &projWeight, &projBias, &norm2Weight, &norm2Bias,
      &weight1, &bias1, &weight2, &bias2;

  explicit Learned(at::ArrayRef<Tensor> all)
      : norm1Weight(checked(all)[0]),
        norm1Bias(all[1]),
        qkvWeight(all[2]),
        qkvBias(all[3]),
        table(all[4]),
        projWeight(all[5]),
        projBias(all[6]),
        norm2Weight(all[7]),
        norm2Bias(all[8]),
        weight1(all[9]),
        bias1(all[10]),
        weight2(all[11]),
        bias2(all[12]) {}
  static at::ArrayRef<Tensor> checked(at::ArrayRef<Tensor> all) {
    TORCH_CHECK(all.size() == COUNT, "swin_block takes ", COUNT, " parameters, got ", all.size());
    return all;
  }

  void check(const Tensor& x, const Setting& setting) const {
    TORCH_CHECK(x.dim() == 3 && x.size(1) == setting.H * setting.W, "swin_block: ", x.sizes(), " is no map of ",
                setting.H, " x ", setting.W);
    const int64_t B = x.size(0), C = x.size(2), hiddens = weight1.size(0);
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
    for (const auto* drop : {&setting.drop1, &setting.drop2})
      TORCH_CHECK(!drop->has_value() || !(*drop)->defined() || (*drop)->numel() == B, "swin_block: factors ",
                  (*drop)->sizes(), " are not one for each of ", B, " images");
  }
};

// A block's result, and what its gradients need: queries, keys and values, what attention makes of them, the middle,
// and what `feedforward` keeps; these are undefined where nothing is kept.
using Results = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

// By the operators of its four layers in turn.
Results layerByLayer(const Tensor& x, const Setting& setting, const Learned& by, bool keep) {
  static auto attention =
      c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::window_attention", "").typed<Attention>();
  const auto& [H, W, window, shift, scale, eps, positions, mask, drop1, drop2] = setting;
  const int64_t B = x.size(0), C = x.size(2);
  const auto joined =
      skyloop::dense(x, by.norm1Weight, by.norm1Bias, eps, by.qkvWeight, by.qkvBias, {}, {}).view({B, H, W, 3 * C});
  const auto mixed = attention.call(joined, by.table, positions, mask, window, shift, scale).view({B, H * W, C});
  const auto middle = skyloop::dense(mixed, {}, {}, 0, by.projWeight, by.projBias, x, drop1);
  const auto [out, hidden] = skyloop::feedforwardKept(middle, by.norm2Weight, by.norm2Bias, eps, by.weight1, by.bias1,
                                                      by.weight2, by.bias2, drop2, keep);
  if (!keep) return {out, Tensor(), Tensor(), Tensor(), Tensor()};
  return {out, joined, mixed, middle, hidden};
}

// x [B, H W, C] -> [B, H W, C]
Results swinBlockKept(const Tensor& xAny, at::IntArrayRef grid, double scale, double eps, at::TensorList learned,
                      const Tensor& positions, const Optional& mask, const Optional& drop1, const Optional& drop2,
                      bool keep) {
  const auto x = xAny.contiguous();
  const Setting setting(grid, scale, eps, positions, mask, drop1, drop2);
  const Learned by(learned);
  by.check(x, setting);
  const int64_t H = setting.H, W = setting.W, window = setting.window;
  const int64_t B = x.size(0), C = x.size(2), rows = B * H * W, hiddens = by.weight1.size(0);
  const int64_t units = B * (H / window), workers = at::get_num_threads(), perWorker = (units + workers - 1) / workers;
  const bool uneven = units * 10 < perWorker * workers * 9;
  if (x.scalar_type() != at::kFloat || uneven || rows < 48 * workers || (keep && skyloop::hasFewRows(rows, C, hiddens)))
    return layerByLayer(x, setting, by, keep);
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
  const auto plainTable = by.table.contiguous(), factors1 = plain(drop1), factors2 = plain(drop2);
  const std::vector<int64_t> sizes{B, H, W, by.qkvWeight.size(0)};
  const WindowMap map(sizes, by.table, positions, mask, window, setting.shift);
  const Block block{
      map,
      PreparedLayer::linear(by.norm1Weight, by.norm1Bias, eps, by.qkvWeight, by.qkvBias),
      PreparedLayer::linear(Tensor(), Tensor(), 0, by.projWeight, by.projBias),
      PreparedLayer::feedforward(by.norm2Weight, by.norm2Bias, eps, by.weight1, by.bias1, by.weight2, by.bias2),
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

Tensor swinBlock(const Tensor& x, at::IntArrayRef grid, double scale, double eps, at::TensorList learned,
                 const Tensor& positions, const Optional& mask, const Optional& drop1, const Optional& drop2) {
  return std::get<0>(swinBlockKept(x, grid, scale, eps, learned, positions, mask, drop1, drop2, false));
}

struct SwinBlock : torch::autograd::Function<SwinBlock> {
  // Autograd sees the tensors that are arguments of their own, not those in a list.
  template <typename... Learnt>
  static Tensor forward(torch::autograd::AutogradContext* context, const Setting& setting, const Tensor& x,
                        const Learnt&... learnt) {
    at::AutoDispatchBelowADInplaceOrView below;
    const skyloop::TrainingStep step;
    static auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::swin_block_kept", "").typed<decltype(swinBlockKept)>();
    const std::vector<int64_t> grid{setting.H, setting.W, setting.window, setting.shift};
    const std::vector<Tensor> all{learnt...};
    const auto [out, joined, mixed, middle, hidden] = op.call(
        x, grid, setting.scale, setting.eps, all, setting.positions, setting.mask, setting.drop1, setting.drop2, true);
    const auto plain = [](const Optional& tensor) { return tensor.value_or(Tensor()); };
    std::vector<Tensor> saved = all;
    for (const auto& tensor : {x, setting.positions, plain(setting.mask), plain(setting.drop1), plain(setting.drop2),
                               joined, mixed, middle, hidden})
      saved.push_back(tensor);
    context->save_for_backward(saved);
    context->saved_data["window"] = setting.window;
    context->saved_data["shift"] = setting.shift;
    context->saved_data["scale"] = setting.scale;
    context->saved_data["eps"] = setting.eps;
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
    const at::ArrayRef<Tensor> all(saved);
    const Learned by(all.slice(0, Learned::COUNT));
    const auto rest = all.slice(Learned::COUNT);
    const auto &x = rest[0], &positions = rest[1], &joined = rest[5], &mixed = rest[6], &middle = rest[7],
               &hidden = rest[8];
    const auto optional = [&](size_t which) { return rest[which].defined() ? Optional(rest[which]) : c10::nullopt; };
    const auto mask = optional(2), drop1 = optional(3), drop2 = optional(4);
    const double eps = context->saved_data["eps"].toDouble();
    const auto [gradMiddle, gradNorm2Weight, gradNorm2Bias, gradWeight1, gradBias1, gradWeight2, gradBias2] =
        feedforwardOp.call(grads[0], hidden, middle, by.norm2Weight, by.norm2Bias, eps, by.weight1, by.weight2, drop2);
    const auto [gradMixed, none1, none2, gradProjWeight, gradProjBias] =
        denseOp.call(gradMiddle, mixed, c10::nullopt, c10::nullopt, 0, by.projWeight, true, drop1);
    auto sizes = joined.sizes().vec();
    sizes.back() /= 3;
    const auto [gradJoined, gradTable] = attentionOp.call(
        gradMixed.view(sizes), joined, by.table, positions, mask, context->saved_data["window"].toInt(),
        context->saved_data["shift"].toInt(), context->saved_data["scale"].toDouble());
    const auto [gradX, gradNorm1Weight, gradNorm1Bias, gradQkvWeight, gradQkvBias] =
        denseOp.call(gradJoined.view({x.size(0), x.size(1), 3 * x.size(2)}), x, by.norm1Weight, by.norm1Bias, eps,
                     by.qkvWeight, true, c10::nullopt);
    // The setting, x, and what is learned in its order.
    return {
        Tensor(),       gradX.add_(gradMiddle), gradNorm1Weight, gradNorm1Bias, gradQkvWeight, gradQkvBias, gradTable,
        gradProjWeight, gradProjBias,           gradNorm2Weight, gradNorm2Bias, gradWeight1,   gradBias1,   gradWeight2,
        gradBias2};
  }
};

template <size_t... Which>
Tensor applied(const Setting& setting, const Tensor& x, at::TensorList learned, std::index_sequence<Which...>) {
  return SwinBlock::apply(setting, x, learned[Which]...);
}

Tensor swinBlockRecorded(const Tensor& x, at::IntArrayRef grid, double scale, double eps, at::TensorList learned,
                         const Tensor& positions, const Optional& mask, const Optional& drop1, const Optional& drop2) {
  Learned::checked(learned);
  bool learns = x.requires_grad();
  for (const auto& tensor : learned) learns = learns || tensor.requires_grad();
  if (learns && at::GradMode::is_enabled())
    return applied(Setting(grid, scale, eps, positions, mask, drop1, drop2), x, learned,
                   std::make_index_sequence<Learned::COUNT>{});
  at::AutoDispatchBelowADInplaceOrView below;
  static auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::swin_block", "").typed<decltype(swinBlock)>();
  return op.call(x, grid, scale, eps, learned, positions, mask, drop1, drop2);
}

}  // namespace

// grid: height, width, window, shift. learned: weight and bias of the first norm, of qkv, the bias table, then weight
// and bias of proj, of the second norm, and of both layers of the feed-forward part.
#define SWIN_BLOCK_ARGUMENTS                                                                                        \
  "Tensor x, int[] grid, float scale, float eps, Tensor[] learned, Tensor positions, Tensor? mask, Tensor? drop1, " \
  "Tensor? drop2"

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def("swin_block(" SWIN_BLOCK_ARGUMENTS ") -> Tensor");
  library.def("swin_block_kept(" SWIN_BLOCK_ARGUMENTS ", bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("swin_block", swinBlock);
  library.impl("swin_block_kept", swinBlockKept);
}
TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) { library.impl("swin_block", swinBlockRecorded); }
