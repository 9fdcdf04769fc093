// Square pieces of images as rows, so that a convolution whose steps are wide is a product of rows, with its gradient.
#include <cstring>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace {

using at::Tensor;

struct Pieces {
  int64_t B, C, H, W, side, stride, padding, down, across;

  Pieces(at::IntArrayRef images, int64_t side, int64_t stride, int64_t padding)
      : B(images[0]),
        C(images[1]),
        H(images[2]),
        W(images[3]),
        side(side),
        stride(stride),
        padding(padding),
        down((H + 2 * padding - side) / stride + 1),
        across((W + 2 * padding - side) / stride + 1) {
    TORCH_CHECK(side > 0 && stride > 0 && padding >= 0 && H + 2 * padding >= side && W + 2 * padding >= side,
                "patches: images ", images, " hold no piece of ", side);
  }
  int64_t width() const { return C * side * side; }

  // body(number of the piece's row of numbers in the image, the same in the piece's own row, first and last of them
  // that lie inside) for piece (y, x) of an image.
  template <typename Body>
  void forEachRow(int64_t y, int64_t x, Body body) const {
    const int64_t left = x * stride - padding, first = std::max<int64_t>(0, -left), last = std::min(side, W - left);
    for (int64_t c = 0; c < C; c++)
      for (int64_t k = 0; k < side; k++) {
        const int64_t row = y * stride - padding + k;
        if (row >= 0 && row < H) body((c * H + row) * W + left, (c * side + k) * side, first, last);
      }
  }
};

// images [B, C, H, W] -> [B, pieces, C side side], zero outside of the images
Tensor patches(const Tensor& imagesAny, int64_t side, int64_t stride, int64_t padding) {
  const auto images = imagesAny.contiguous();
  const Pieces pieces(images.sizes(), side, stride, padding);
  auto out = at::empty({pieces.B, pieces.down * pieces.across, pieces.width()}, images.options());
  AT_DISPATCH_FLOATING_TYPES(images.scalar_type(), "patches", [&] {
    const scalar_t* from = images.data_ptr<scalar_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    at::parallel_for(0, pieces.B * pieces.down, 4, [&](int64_t firstRow, int64_t lastRow) {
      for (int64_t row = firstRow; row < lastRow; row++)
        for (int64_t x = 0; x < pieces.across; x++) {
          const scalar_t* image = from + row / pieces.down * pieces.C * pieces.H * pieces.W;
          scalar_t* piece = to + (row * pieces.across + x) * pieces.width();
          std::memset(piece, 0, pieces.width() * sizeof(scalar_t));
          pieces.forEachRow(row % pieces.down, x, [&](int64_t source, int64_t target, int64_t first, int64_t last) {
            for (int64_t k = first; k < last; k++) piece[target + k] = image[source + k];
          });
        }
    });
  });
  return out;
}

// Each number's gradient is the sum of those of its copies.
Tensor patchesBackward(const Tensor& gradAny, at::IntArrayRef sizes, int64_t side, int64_t stride, int64_t padding) {
  const auto grad = gradAny.contiguous();
  const Pieces pieces(sizes, side, stride, padding);
  auto result = at::zeros(sizes, grad.options());
  AT_DISPATCH_FLOATING_TYPES(grad.scalar_type(), "patches_backward", [&] {
    const scalar_t* from = grad.data_ptr<scalar_t>();
    scalar_t* to = result.data_ptr<scalar_t>();
    at::parallel_for(0, pieces.B, 1, [&](int64_t firstImage, int64_t lastImage) {
      for (int64_t b = firstImage; b < lastImage; b++)
        for (int64_t y = 0; y < pieces.down; y++)
          for (int64_t x = 0; x < pieces.across; x++) {
            const scalar_t* piece = from + ((b * pieces.down + y) * pieces.across + x) * pieces.width();
            scalar_t* image = to + b * pieces.C * pieces.H * pieces.W;
            pieces.forEachRow(y, x, [&](int64_t source, int64_t target, int64_t first, int64_t last) {
              for (int64_t k = first; k < last; k++) image[source + k] += piece[target + k];
            });
          }
    });
  });
  return result;
}

struct Patches : torch::autograd::Function<Patches> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& images, int64_t side, int64_t stride,
                        int64_t padding) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->saved_data["sizes"] = images.sizes().vec();
    context->saved_data["side"] = side;
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    static auto op = c10::Dispatcher::singleton().findSchemaOrThrow("skyloop::patches", "").typed<decltype(patches)>();
    return op.call(images, side, stride, padding);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    static auto op = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("skyloop::patches_backward", "")
                         .typed<decltype(patchesBackward)>();
    const auto sizes = context->saved_data["sizes"].toIntVector();
    return {op.call(grads[0], sizes, context->saved_data["side"].toInt(), context->saved_data["stride"].toInt(),
                    context->saved_data["padding"].toInt()),
            Tensor(), Tensor(), Tensor()};
  }
};

Tensor patchesRecorded(const Tensor& images, int64_t side, int64_t stride, int64_t padding) {
  return Patches::apply(images, side, stride, padding);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(skyloop, library) {
  library.def("patches(Tensor images, int side, int stride, int padding) -> Tensor");
  library.def("patches_backward(Tensor grad, int[] sizes, int side, int stride, int padding) -> Tensor");
}
TORCH_LIBRARY_IMPL(skyloop, CPU, library) {
  library.impl("patches", patches);
  library.impl("patches_backward", patchesBackward);
}
TORCH_LIBRARY_IMPL(skyloop, AutogradCPU, library) { library.impl("patches", patchesRecorded); }
