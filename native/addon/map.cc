// Files as memory: `mapFile(path)` is an ArrayBuffer over the file's pages, which every process that maps it shares and
// the system reads when they are touched. Private: what JavaScript writes there stays its own. `forgetPages(view)`
// takes the pages that a view touches out of this process's memory; the system keeps them as long as it likes.
// `gatherRows(view, width, rows, into)` copies rows of `width` numbers that lie here and there from the file: touching
// them would bring what lies around each, up to 2 MB.
#include <fcntl.h>
#include <napi.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace {

struct Mapped {
  size_t bytes;
  int file;
};

// Of every thread: a file stays open as long as it is mapped.
std::mutex guard;
std::map<void*, Mapped> maps;

void unmap(Napi::Env, void* pages) {
  const std::lock_guard<std::mutex> hold(guard);
  const auto found = maps.find(pages);
  munmap(pages, found->second.bytes);
  close(found->second.file);
  maps.erase(found);
}

Napi::Value mapFile(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto path = info[0].As<Napi::String>().Utf8Value();
  const auto fail = [&](const char* what) {
    return Napi::Error::New(env, std::string(what) + " " + path + ": " + std::strerror(errno));
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw fail("cannot open");
  struct stat about;
  if (fstat(file, &about) != 0) {
    close(file);
    throw fail("cannot look at");
  }
  const auto bytes = static_cast<size_t>(about.st_size);
  if (bytes == 0) {
    close(file);
    return Napi::ArrayBuffer::New(env, 0);
  }
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
  if (pages == MAP_FAILED) {
    const auto error = fail("cannot map");
    close(file);
    throw error;
  }
  {
    const std::lock_guard<std::mutex> hold(guard);
    maps[pages] = {bytes, file};
  }
  return Napi::ArrayBuffer::New(env, pages, bytes, unmap);
}

void forgetPages(const Napi::CallbackInfo& info) {
  const auto view = info[0].As<Napi::TypedArray>();
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto from = reinterpret_cast<uintptr_t>(view.ArrayBuffer().Data()) + view.ByteOffset();
  const auto first = from / page * page;
  const auto end = (from + view.ByteLength() + page - 1) / page * page;
  if (view.ByteLength() > 0) madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

void gatherRows(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto view = info[0].As<Napi::Float32Array>();
  const auto width = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  const auto rows = info[2].As<Napi::Uint32Array>();
  auto into = info[3].As<Napi::Float32Array>();
  int file = -1;
  {
    const std::lock_guard<std::mutex> hold(guard);
    file = maps.at(view.ArrayBuffer().Data()).file;
  }
  const size_t bytes = width * sizeof(float);
  if (into.ElementLength() < rows.ElementLength() * width) throw Napi::RangeError::New(env, "no place for these rows");
  for (size_t i = 0; i < rows.ElementLength(); i++) {
    if (rows.Data()[i] >= view.ElementLength() / width) throw Napi::RangeError::New(env, "no such row");
    char* to = reinterpret_cast<char*>(into.Data()) + i * bytes;
    for (size_t done = 0; done < bytes;) {
      const auto at = static_cast<off_t>(view.ByteOffset() + rows.Data()[i] * bytes + done);
      const auto got = pread(file, to + done, bytes - done, at);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw Napi::Error::New(env, "a mapped file cannot be read, or was cut short");
      done += static_cast<size_t>(got);
    }
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("mapFile", Napi::Function::New(env, mapFile, "mapFile"));
  exports.Set("forgetPages", Napi::Function::New(env, forgetPages, "forgetPages"));
  exports.Set("gatherRows", Napi::Function::New(env, gatherRows, "gatherRows"));
  return exports;
}

}  // namespace

NODE_API_MODULE(map, init)
