// Regions of maps for detectors: the values of boxes by RoIAlign (He et al. 2017, "Mask R-CNN", section 3) with its
// gradient, and greedy suppression of boxes that overlap. Both as torchvision has them; nn/regions.ts holds the
// composition of ATen operators against which RoIAlign is tested, for other devices.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../kernels/kernels.h"

namespace {

using at::Tensor;
using skyloop::Tap;

// How boxes are read: map units per unit of the boxes, bins, sample points along a bin (0: as many as it has pixels),
// and whether a box's corner is a pixel's corner (`aligned`) or its middle.
struct RegionGrid {
  double scale;
  int64_t height, width, samples;
  bool aligned;
};

// One axis of a box: for each bin the places along the map that it reads, with their weights.
template <typename T>
struct Axis {
  std::vector<Tap<T>> taps;
  std::vector<int64_t> starts;  // of each bin's taps, and of their end

  // `start` and `length` in the map's units, `size` places.
  Axis(T start, T length, int64_t bins, int64_t samples, int64_t size) {
    const T bin = length / T(bins);
    const int64_t points = samples > 0 ? samples : int64_t(std::ceil(bin));
    for (int64_t b = 0; b < bins; b++) {
      starts.push_back(taps.size());
      for (int64_t i = 0; i < points; i++) {
        T at = start + T(b) * bin + (T(i) + T(0.5)) * bin / T(points);
        // A point more than one place outside of the map counts, and is zero.
        if (!(at >= T(-1) && at <= T(size))) continue;
        at = std::max(at, T(0));
        const int64_t low = std::min(int64_t(at), size - 1), high = std::min(low + 1, size - 1);
        const T share = low == size - 1 ? T(0) : at - T(low);
        add(low, (T(1) - share) / T(points));
        if (share > 0) add(high, share / T(points));
      }
    }
    starts.push_back(taps.size());
  }

 private:
  // Points follow one another, so that a place that is there already is one of the last two.
  void add(int64_t place, T weight) {
    for (int64_t n = int64_t(taps.size()) - 1; n >= std::max(starts.back(), int64_t(taps.size()) - 2); n--)
      if (taps[n].place == place) {
        taps[n].weight += weight;
        return;
      }
    taps.push_back({place, weight});
  }
};

// One box's bins: body(bin, taps, how many) with places of the map [H W] of its image.
template <typename T, typename Body>
void forEachBin(const RegionGrid& grid, const T* box, int64_t H, int64_t W, std::vector<Tap<T>>& taps, Body body) {
  const T offset = grid.aligned ? T(0.5) : T(0), scale = T(grid.scale);
  const T x = box[1] * scale - offset, y = box[2] * scale - offset;
  T across = box[3] * scale - offset - x, down = box[4] * scale - offset - y;
  // Boxes without area read one pixel where corners are pixels' middles.
  if (!grid.aligned) across = std::max(across, T(1)), down = std::max(down, T(1));
  const Axis<T> rows(y, down, grid.height, grid.samples, H), columns(x, across, grid.width, grid.samples, W);
  for (int64_t i = 0; i < grid.height; i++)
    for (int64_t j = 0; j < grid.width; j++) {
      taps.clear();
      for (int64_t r = rows.starts[i]; r < rows.starts[i + 1]; r++)
        for (int64_t c = columns.starts[j]; c < columns.starts[j + 1]; c++)
          taps.push_back(
              {rows.taps[r].place * W + columns.taps[c].place, rows.taps[r].weight * columns.taps[c].weight});
      body(i * grid.width + j, taps.data(), int64_t(taps.size()));
    }
}

// Boxes [K, 5] (image, x1, y1, x2, y2) in the type that is computed in; every one is checked, so that nothing outside
// of the map is read.
template <typename T>
Tensor checkedBoxes(const Tensor& boxesAny, at::ScalarType type, int64_t images, int64_t H, int64_t W,
                    const RegionGrid& grid) {
  const Tensor boxes = boxesAny.to(type).contiguous();
  const T* values = boxes.data_ptr<T>();
  for (int64_t k = 0; k < boxes.size(0); k++) {
    const T* box = values + 5 * k;
    for (int i = 0; i < 5; i++)
      TORCH_CHECK(std::isfinite(box[i]), "roi_align: box ", k, " holds a number that is not finite");
    TORCH_CHECK(box[0] >= 0 && box[0] < T(images) && box[0] == std::floor(box[0]), "roi_align: box ", k,
                " is of image ", box[0], ", there are ", images);
    if (grid.samples > 0) continue;
    const T most = T(64) * T(std::max(H, W));
    TORCH_CHECK((box[3] - box[1]) * T(grid.scale) <= most && (box[4] - box[2]) * T(grid.scale) <= most,
                "roi_align: box ", k, " is more than 64 times as long as the map ", H, " x ", W);
  }
  return boxes;
}

void checkRegions(at::IntArrayRef features, const Tensor& boxes, const RegionGrid& grid) {
  TORCH_CHECK(features.size() == 4 && features[2] > 0 && features[3] > 0, "roi_align takes maps [B, C, H, W], got ",
              features);
  TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 5, "roi_align takes boxes [K, 5], got ", boxes.sizes());
  TORCH_CHECK(std::isfinite(grid.scale) && grid.scale > 0 && grid.height > 0 && grid.width > 0 && grid.samples >= 0,
              "roi_align: scale ", grid.scale, ", bins ", grid.height, " x ", grid.width, " and ", grid.samples,
              " samples make no sense");
}

// The type that is computed in.
at::ScalarType wideType(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

// features [B, C, H, W], boxes [K, 5] -> [K, C, height, width], the mean over each bin's sample points
Tensor roiAlign(const Tensor& features, const Tensor& boxesAny, double scale, int64_t height, int64_t width,
                int64_t samples, bool aligned) {
  const RegionGrid grid{scale, height, width, samples, aligned};
  checkRegions(features.sizes(), boxesAny, grid);
  const int64_t B = features.size(0), C = features.size(1), H = features.size(2), W = features.size(3),
                K = boxesAny.size(0), bins = height * width;
  const auto type = wideType(features.scalar_type());
  // Channels side by side: a tap is then one row.
  const Tensor map = features.to(type).permute({0, 2, 3, 1}).contiguous();
  Tensor out = at::empty({K, C, height, width}, map.options());
  AT_DISPATCH_FLOATING_TYPES(type, "roi_align", [&] {
    using T = scalar_t;
    const Tensor boxes = checkedBoxes<T>(boxesAny, type, B, H, W, grid);
    at::parallel_for(0, K, 1, [&](int64_t first, int64_t last) {
      std::vector<T> values(bins * C);
      std::vector<Tap<T>> taps;
      for (int64_t k = first; k < last; k++) {
        const T* box = boxes.data_ptr<T>() + 5 * k;
        const T* image = map.data_ptr<T>() + int64_t(box[0]) * H * W * C;
        forEachBin<T>(grid, box, H, W, taps, [&](int64_t bin, const Tap<T>* of, int64_t count) {
          skyloop::kernels<T>().gatherTaps(of, count, C, image, values.data() + bin * C);
        });
        T* to = out.data_ptr<T>() + k * C * bins;
        for (int64_t c = 0; c < C; c++)
          for (int64_t bin = 0; bin < bins; bin++) to[c * bins + bin] = values[bin * C + c];
      }
    });
  });
  return out.to(features.scalar_type());
}

// -> the gradient of features, whose sizes are given. Threads share the channels: sums are the same for any number of
// them.
Tensor roiAlignBackward(const Tensor& grad, const Tensor& boxesAny, at::IntArrayRef sizes, double scale, int64_t height,
                        int64_t width, int64_t samples, bool aligned) {
  const RegionGrid grid{scale, height, width, samples, aligned};
  checkRegions(sizes, boxesAny, grid);
  const int64_t B = sizes[0], C = sizes[1], H = sizes[2], W = sizes[3], K = boxesAny.size(0), bins = height * width;
  TORCH_CHECK(
      grad.dim() == 4 && grad.size(0) == K && grad.size(1) == C && grad.size(2) == height && grad.size(3) == width,
      "roi_align_backward: gradient ", grad.sizes(), " does not fit ", K, " boxes");
  const auto type = wideType(grad.scalar_type());
  const Tensor slopes = grad.to(type).permute({0, 2, 3, 1}).contiguous();
  Tensor result = at::zeros({B, H, W, C}, slopes.options());
  AT_DISPATCH_FLOATING_TYPES(type, "roi_align_backward", [&] {
    using T = scalar_t;
    const Tensor boxes = checkedBoxes<T>(boxesAny, type, B, H, W, grid);
    constexpr int64_t RUN = 64;
    at::parallel_for(0, (C + RUN - 1) / RUN, 1, [&](int64_t firstRun, int64_t lastRun) {
      const skyloop::Range channels{firstRun * RUN, std::min(C, lastRun * RUN)};
      std::vector<Tap<T>> taps;
      for (int64_t k = 0; k < K; k++) {
        const T* box = boxes.data_ptr<T>() + 5 * k;
        T* image = result.data_ptr<T>() + int64_t(box[0]) * H * W * C;
        forEachBin<T>(grid, box, H, W, taps, [&](int64_t bin, const Tap<T>* of, int64_t count) {
          skyloop::kernels<T>().scatterTaps(of, count, channels, C, slopes.data_ptr<T>() + (k * bins + bin) * C, image);
        });
      }
    });
  });
  return result.permute({0, 3, 1, 2}).contiguous().to(grad.scalar_type());
}

// boxes [K, 4] (x1, y1, x2, y2), scores [K] -> the boxes that stay, best first: each that no better one overlaps by
// more than `threshold` (intersection over union). Equal scores keep their order.
Tensor nms(const Tensor& boxesAny, const Tensor& scoresAny, double threshold) {
  TORCH_CHECK(boxesAny.dim() == 2 && boxesAny.size(1) == 4, "nms takes boxes [K, 4], got ", boxesAny.sizes());
  TORCH_CHECK(scoresAny.dim() == 1 && scoresAny.size(0) == boxesAny.size(0), "nms: scores ", scoresAny.sizes(),
              " are not one for each of ", boxesAny.size(0), " boxes");
  const int64_t K = boxesAny.size(0);
  const auto type = wideType(boxesAny.scalar_type());
  const Tensor scores = scoresAny.to(at::kDouble);
  TORCH_CHECK(K == 0 || !scores.isnan().any().item<bool>(), "nms: a score is not a number");
  const Tensor order = std::get<1>(scores.sort(/*stable=*/true, 0, /*descending=*/true));
  // Corners in the order of scores, each a row.
  const Tensor corners = boxesAny.to(type).index_select(0, order).t().contiguous();
  Tensor kept = at::empty({K}, order.options());
  int64_t count = 0;
  AT_DISPATCH_FLOATING_TYPES(type, "nms", [&] {
    using T = scalar_t;
    const T *x1 = corners.data_ptr<T>(), *y1 = x1 + K, *x2 = y1 + K, *y2 = x2 + K;
    std::vector<T> areas(K);
    for (int64_t i = 0; i < K; i++) {
      TORCH_CHECK(std::isfinite(x1[i]) && std::isfinite(y1[i]) && std::isfinite(x2[i]) && std::isfinite(y2[i]),
                  "nms: box ", order.data_ptr<int64_t>()[i], " holds a number that is not finite");
      areas[i] = (x2[i] - x1[i]) * (y2[i] - y1[i]);
    }
    std::vector<char> gone(K);
    for (int64_t i = 0; i < K; i++) {
      if (gone[i]) continue;
      kept.data_ptr<int64_t>()[count++] = order.data_ptr<int64_t>()[i];
      for (int64_t j = i + 1; j < K; j++) {
        const T across = std::max(T(0), std::min(x2[i], x2[j]) - std::max(x1[i], x1[j])),
                down = std::max(T(0), std::min(y2[i], y2[j]) - std::max(y1[i], y1[j])), shared = across * down;
        gone[j] |= shared / (areas[i] + areas[j] - shared) > T(threshold);
      }
    }
  });
  return kept.narrow(0, 0, count).clone();
}

struct RoiAlign : torch::autograd::Function<RoiAlign> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& features, const Tensor& boxes,
                        double scale, int64_t height, int64_t width, int64_t samples, bool aligned) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({boxes});
    context->saved_data["sizes"] = features.sizes().vec();
    context->saved_data["scale"] = scale;
    context->saved_data["height"] = height;
    context->saved_data["width"] = width;
    context->saved_data["samples"] = samples;
    context->saved_data["aligned"] = aligned;
    static auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::roi_align", "").typed<decltype(roiAlign)>();
    return op.call(features, boxes, scale, height, width, samples, aligned);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::roi_align_backward", "")
                         .typed<decltype(roiAlignBackward)>();
    auto& kept = context->saved_data;
    const auto sizes = kept["sizes"].toIntVector();
    const Tensor none;
    return {op.call(grads[0], context->get_saved_variables()[0], sizes, kept["scale"].toDouble(),
                    kept["height"].toInt(), kept["width"].toInt(), kept["samples"].toInt(), kept["aligned"].toBool()),
            none,
            none,
            none,
            none,
            none,
            none};
  }
};

Tensor roiAlignRecorded(const Tensor& features, const Tensor& boxes, double scale, int64_t height, int64_t width,
                        int64_t samples, bool aligned) {
  return RoiAlign::apply(features, boxes, scale, height, width, samples, aligned);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def(
      "roi_align(Tensor features, Tensor boxes, float scale, int height, int width, int samples, bool aligned) -> "
      "Tensor");
  library.def(
      "roi_align_backward(Tensor grad, Tensor boxes, int[] sizes, float scale, int height, int width, int samples, "
      "bool "
      "aligned) -> Tensor");
  library.def("nms(Tensor boxes, Tensor scores, float threshold) -> Tensor");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("roi_align", roiAlign);
  library.impl("roi_align_backward", roiAlignBackward);
  library.impl("nms", nms);
}
TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) { library.impl("roi_align", roiAlignRecorded); }
