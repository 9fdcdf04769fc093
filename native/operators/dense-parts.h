// How the operators of dense.cc share rows among threads, and add up what each of them found. Included inside its
// namespace.
#pragma once

// How rows are dealt out: to threads in equal parts, and within a part in chunks whose buffers fit the second cache.
struct Parts {
  int64_t rows, workers, chunk;

  Parts(int64_t rows, int64_t numbersPerRow, int64_t bytes) : rows(rows) {
    workers = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows / 16));
    chunk = chunkOf((rows + workers - 1) / workers, mostRows(numbersPerRow * bytes));
  }
  static int64_t mostRows(int64_t bytesPerRow) { return std::max<int64_t>(16, (480 << 10) / bytesPerRow / 8 * 8); }
  // As few chunks of up to `most` rows as there can be, all alike.
  static int64_t chunkOf(int64_t rows, int64_t most) {
    const int64_t chunks = (rows + most - 1) / most;
    return std::max<int64_t>(8, ((rows + chunks - 1) / chunks + 7) / 8 * 8);
  }
  // body(worker, first row, last row); each worker's rows are a multiple of 8, but for the last's.
  template <typename Body>
  void forEach(Body body) const {
    const int64_t part = ((rows + workers - 1) / workers + 7) / 8 * 8;
    at::parallel_for(0, workers, 1, [&](int64_t first, int64_t last) {
      for (int64_t worker = first; worker < last; worker++)
        body(worker, std::min(rows, worker * part), std::min(rows, (worker + 1) * part));
    });
  }
};

// Gradients of parameters as every worker adds them up, and their sum over workers, in the workers' order: the same
// every time.
template <typename T>
struct Collected {
  std::vector<std::pair<int64_t, int64_t>> shapes;  // rows and columns of each
  std::vector<int64_t> starts;
  int64_t size = 0, workers;
  Tensor sums;

  Collected(const Tensor& like, int64_t workers, std::vector<std::pair<int64_t, int64_t>> wanted)
      : shapes(std::move(wanted)),
        workers(workers) {
    for (const auto& [rows, columns] : shapes) {
      starts.push_back(size);
      size += rows * wide<T>(columns);
    }
    sums = at::empty({workers * size}, like.options());
  }
  // Zeroed by its own thread, so that its memory is near.
  T* of(int64_t worker) {
    T* mine = sums.data_ptr<T>() + worker * size;
    std::memset(mine, 0, size * sizeof(T));
    return mine;
  }
  Tensor total(size_t which) const {
    const auto [rows, columns] = shapes[which];
    if (rows == 0) return Tensor();
    const int64_t stride = wide<T>(columns);
    Tensor result = rows == 1 ? at::empty({columns}, sums.options()) : at::empty({rows, columns}, sums.options());
    T* into = result.data_ptr<T>();
    const T* from = sums.data_ptr<T>() + starts[which];
    const int64_t width = columns, all = workers, step = size;
    at::parallel_for(0, rows, std::max<int64_t>(1, 16384 / width), [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++) {
        for (int64_t k = 0; k < width; k++) into[i * width + k] = from[i * stride + k];
        for (int64_t w = 1; w < all; w++)
          for (int64_t k = 0; k < width; k++) into[i * width + k] += from[w * step + i * stride + k];
      }
    });
    return result;
  }
};
