// Files as memory: `mapFile(path)` is an ArrayBuffer over the file's pages, which every process that maps it shares and
// the system reads when they are touched. Private: what JavaScript writes there stays its own.
#include <fcntl.h>
#include <napi.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace {

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
  close(file);
  if (pages == MAP_FAILED) throw fail("cannot map");
  return Napi::ArrayBuffer::New(env, pages, bytes, [bytes](Napi::Env, void* mapped) { munmap(mapped, bytes); });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("mapFile", Napi::Function::New(env, mapFile, "mapFile"));
  return exports;
}

}  // namespace

NODE_API_MODULE(map, init)
