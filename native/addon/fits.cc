// cfitsio for JavaScript: HDUs, images as float32 (compressed ones too), tables, and writing both. One file handle a
// call and no state of its own, so that it may be used on any thread. Errors carry cfitsio's status and its message
// stack.
#include <fitsio.h>
#include <napi.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

// A file that closes itself; opened from a path, or from bytes that outlive the call.
class File {
 public:
  explicit File(const Napi::Value& source) : env_(source.Env()) {
    if (source.IsString()) {
      auto path = source.As<Napi::String>().Utf8Value();
      // The extended file name syntax would read brackets in names as filters.
      check(fits_open_diskfile(&file_, path.c_str(), READONLY, &status_));
    } else {
      auto bytes = source.As<Napi::Uint8Array>();
      memory_ = bytes.Data();
      memorySize_ = bytes.ByteLength();
      check(fits_open_memfile(&file_, "memory.fits", READONLY, &memory_, &memorySize_, 0, nullptr, &status_));
    }
  }
  File(Napi::Env env, const std::string& path) : env_(env) {
    check(fits_create_diskfile(&file_, path.c_str(), &status_));
  }
  ~File() {
    int status = 0;
    if (file_ != nullptr) fits_close_file(file_, &status);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Flushes and closes, so that a full disk is an error and not lost in the destructor.
  void close() {
    auto* file = file_;
    file_ = nullptr;
    check(fits_close_file(file, &status_));
  }
  void check(int status) {
    if (status == 0) return;
    char text[FLEN_STATUS];
    fits_get_errstatus(status, text);
    std::string message = "cfitsio " + std::to_string(status) + ": " + text;
    char line[FLEN_ERRMSG];
    while (fits_read_errmsg(line) != 0) message += std::string("; ") + line;
    auto error = Napi::Error::New(env_, message);
    error.Set("status", Napi::Number::New(env_, status));
    throw error;
  }
  fitsfile* get() { return file_; }
  int* status() { return &status_; }
  void moveTo(int hdu) {
    int type = 0;
    check(fits_movabs_hdu(file_, hdu + 1, &type, &status_));
  }

 private:
  Napi::Env env_;
  fitsfile* file_ = nullptr;
  int status_ = 0;
  void* memory_ = nullptr;
  size_t memorySize_ = 0;
};

std::vector<long> imageShape(File& file) {
  int dimensions = 0;
  file.check(fits_get_img_dim(file.get(), &dimensions, file.status()));
  std::vector<long> shape(dimensions);
  if (dimensions > 0) file.check(fits_get_img_size(file.get(), dimensions, shape.data(), file.status()));
  return shape;
}

// Bytes of the open file (unpacked where it was packed): a header may claim anything.
double fileBytes(File& file) { return static_cast<double>(file.get()->Fptr->filesize); }

// Refuses an uncompressed HDU whose header claims more data than the whole file has.
void checkClaim(Napi::Env env, File& file, double bytes, const char* what) {
  if (bytes <= fileBytes(file)) return;
  throw Napi::RangeError::New(env, std::string("the header claims ") + what + " of " +
                                       std::to_string(static_cast<long long>(bytes)) + " bytes, the file has " +
                                       std::to_string(static_cast<long long>(fileBytes(file))));
}

Napi::Array toArray(Napi::Env env, const std::vector<long>& values) {
  auto array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); i++) array.Set(i, Napi::Number::New(env, static_cast<double>(values[i])));
  return array;
}

// hdus(source) -> { type, shape, cards: [key, value, comment][] }[]; shape as NAXIS1, NAXIS2, …
Napi::Value hdus(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  File file(info[0]);
  int count = 0;
  file.check(fits_get_num_hdus(file.get(), &count, file.status()));
  auto result = Napi::Array::New(env, count);
  for (int hdu = 0; hdu < count; hdu++) {
    file.moveTo(hdu);
    int type = 0;
    file.check(fits_get_hdu_type(file.get(), &type, file.status()));
    auto entry = Napi::Object::New(env);
    entry.Set("type", type == IMAGE_HDU ? "image" : "table");
    entry.Set("shape", toArray(env, type == IMAGE_HDU ? imageShape(file) : std::vector<long>{}));
    int keys = 0;
    file.check(fits_get_hdrspace(file.get(), &keys, nullptr, file.status()));
    auto cards = Napi::Array::New(env, keys);
    for (int key = 1; key <= keys; key++) {
      char name[FLEN_KEYWORD], value[FLEN_VALUE], comment[FLEN_COMMENT];
      file.check(fits_read_keyn(file.get(), key, name, value, comment, file.status()));
      auto card = Napi::Array::New(env, 3);
      card.Set(0u, name);
      card.Set(1u, value);
      card.Set(2u, comment);
      cards.Set(key - 1, card);
    }
    entry.Set("cards", cards);
    result.Set(hdu, entry);
  }
  return result;
}

// readImage(source, hdu, box?) -> { shape, data }: the whole image or columns x0.., rows y0.. (0-based) of every plane,
// as float32 with BSCALE and BZERO applied and NaN for BLANK.
Napi::Value readImage(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  File file(info[0]);
  file.moveTo(info[1].As<Napi::Number>().Int32Value());
  auto shape = imageShape(file);
  if (shape.size() < 2) throw Napi::Error::New(env, "this HDU holds no image");
  std::vector<long> first(shape.size(), 1), last = shape, step(shape.size(), 1);
  if (info[2].IsArray()) {
    auto box = info[2].As<Napi::Array>();
    long value[4];
    for (uint32_t i = 0; i < 4; i++) value[i] = static_cast<long>(box.Get(i).As<Napi::Number>().Int64Value());
    if (value[0] < 0 || value[1] < 0 || value[2] < 1 || value[3] < 1 || value[0] + value[2] > shape[0] ||
        value[1] + value[3] > shape[1])
      throw Napi::RangeError::New(env, "the section leaves the image");
    first[0] = value[0] + 1;
    first[1] = value[1] + 1;
    last[0] = value[0] + value[2];
    last[1] = value[1] + value[3];
    shape[0] = value[2];
    shape[1] = value[3];
  }
  double elements = 1;
  for (long n : shape) elements *= static_cast<double>(n);
  int packed = fits_is_compressed_image(file.get(), file.status()), bits = 0;
  file.check(fits_get_img_type(file.get(), &bits, file.status()));
  if (packed == 0) checkClaim(env, file, elements * std::abs(bits) / 8, "pixels");
  if (elements > 2e9) throw Napi::RangeError::New(env, "the image has more than 2e9 pixels; read sections of it");
  auto data = Napi::Float32Array::New(env, static_cast<size_t>(elements));
  float blank = std::numeric_limits<float>::quiet_NaN();
  int any = 0;
  file.check(fits_read_subset(file.get(), TFLOAT, first.data(), last.data(), step.data(), &blank, data.Data(), &any,
                              file.status()));
  auto result = Napi::Object::New(env);
  result.Set("shape", toArray(env, shape));
  result.Set("data", data);
  return result;
}

// Integers of 64 bits as BigInt, exact; null where the file has none.
template <typename T, typename Make>
Napi::Array readWide(Napi::Env env, File& file, int column, int type, long rows, Make make) {
  std::vector<T> cells(rows);
  std::vector<char> none(rows);
  int any = 0;
  if (rows > 0)
    file.check(fits_read_colnull(file.get(), type, column, 1, 1, rows, cells.data(), none.data(), &any, file.status()));
  auto values = Napi::Array::New(env, rows);
  for (long row = 0; row < rows; row++)
    values.Set(row, none[row] != 0 ? env.Null() : Napi::Value(make(env, cells[row])));
  return values;
}

// A keyword of a column, or nothing.
std::string columnKey(File& file, const char* root, int column) {
  char key[FLEN_KEYWORD], value[FLEN_VALUE] = "";
  int missing = 0;
  fits_make_keyn(root, column, key, &missing);
  fits_read_key(file.get(), TSTRING, key, value, nullptr, &missing);
  return missing == 0 ? value : "";
}

// readTable(source, hdu) -> { columns: { name, type, unit, comment, values }[], skipped: { name, form }[] }
Napi::Value readTable(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  File file(info[0]);
  file.moveTo(info[1].As<Napi::Number>().Int32Value());
  int count = 0;
  long rows = 0;
  file.check(fits_get_num_cols(file.get(), &count, file.status()));
  file.check(fits_get_num_rows(file.get(), &rows, file.status()));
  LONGLONG rowBytes = 0;
  file.check(fits_read_key(file.get(), TLONGLONG, "NAXIS1", &rowBytes, nullptr, file.status()));
  if (rows < 0 || rowBytes < 0) throw Napi::RangeError::New(env, "the table's header claims a negative size");
  // A row of no bytes would let any number of them through.
  checkClaim(env, file, static_cast<double>(rows) * static_cast<double>(std::max<LONGLONG>(rowBytes, 1)), "a table");
  auto columns = Napi::Array::New(env);
  auto skipped = Napi::Array::New(env);
  for (int column = 1; column <= count; column++) {
    auto name = columnKey(file, "TTYPE", column);
    int type = 0;
    long repeat = 0, width = 0;
    file.check(fits_get_eqcoltype(file.get(), column, &type, &repeat, &width, file.status()));
    std::string label = !name.empty() ? name : "column" + std::to_string(column);
    bool text = type == TSTRING;
    bool whole = type == TBYTE || type == TSBYTE || type == TSHORT || type == TUSHORT || type == TINT ||
                 type == TUINT || type == TLONG || type == TULONG || type == TLONGLONG || type == TULONGLONG;
    bool number = whole || type == TFLOAT || type == TDOUBLE;
    if (type < 0 || (!text && repeat != 1) || !(text || number || type == TLOGICAL)) {
      auto left = Napi::Object::New(env);
      left.Set("name", label);
      left.Set("form", columnKey(file, "TFORM", column));
      skipped.Set(skipped.Length(), left);
      continue;
    }
    auto values = Napi::Array::New(env);
    int any = 0;
    if (type == TLONG || type == TLONGLONG) {
      values = readWide<LONGLONG>(env, file, column, TLONGLONG, rows, [](Napi::Env to, LONGLONG value) {
        return Napi::BigInt::New(to, static_cast<int64_t>(value));
      });
    } else if (type == TULONG || type == TULONGLONG) {
      values = readWide<ULONGLONG>(env, file, column, TULONGLONG, rows, [](Napi::Env to, ULONGLONG value) {
        return Napi::BigInt::New(to, static_cast<uint64_t>(value));
      });
    } else if (text) {
      std::vector<std::vector<char>> cells(rows, std::vector<char>(std::max(repeat, width) + 1));
      std::vector<char*> pointers(rows);
      for (long row = 0; row < rows; row++) pointers[row] = cells[row].data();
      char none[] = "";
      if (rows > 0)
        file.check(fits_read_col(file.get(), TSTRING, column, 1, 1, rows, none, pointers.data(), &any, file.status()));
      for (long row = 0; row < rows; row++) {
        std::string cell(pointers[row]);
        auto end = cell.find_last_not_of(' ');
        values.Set(row, Napi::String::New(env, end == std::string::npos ? "" : cell.substr(0, end + 1)));
      }
    } else if (type == TLOGICAL) {
      std::vector<char> cells(rows);
      char none = 2;
      if (rows > 0)
        file.check(fits_read_col(file.get(), TLOGICAL, column, 1, 1, rows, &none, cells.data(), &any, file.status()));
      for (long row = 0; row < rows; row++)
        values.Set(row, cells[row] == 2 ? env.Null() : Napi::Value(Napi::Boolean::New(env, cells[row] != 0)));
    } else {
      std::vector<double> cells(rows);
      double none = std::numeric_limits<double>::quiet_NaN();
      if (rows > 0)
        file.check(fits_read_col(file.get(), TDOUBLE, column, 1, 1, rows, &none, cells.data(), &any, file.status()));
      for (long row = 0; row < rows; row++)
        values.Set(row, std::isnan(cells[row]) ? env.Null() : Napi::Value(Napi::Number::New(env, cells[row])));
    }
    auto entry = Napi::Object::New(env);
    entry.Set("name", label);
    entry.Set("unit", columnKey(file, "TUNIT", column));
    entry.Set("comment", columnKey(file, "TCOMM", column));
    entry.Set("type", text ? "string" : type == TLOGICAL ? "boolean" : whole ? "integer" : "number");
    entry.Set("values", values);
    columns.Set(columns.Length(), entry);
  }
  auto result = Napi::Object::New(env);
  result.Set("columns", columns);
  result.Set("skipped", skipped);
  return result;
}

// writeTable(path, columns: { name, type, values, unit?, description? }[]): a binary table in the first extension.
Napi::Value writeTable(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto columns = info[1].As<Napi::Array>();
  uint32_t count = columns.Length();
  std::vector<std::string> names(count), forms(count), units(count);
  std::vector<char*> namePointers(count), formPointers(count), unitPointers(count);
  uint32_t rows = 0;
  for (uint32_t c = 0; c < count; c++) {
    auto column = columns.Get(c).As<Napi::Object>();
    auto values = column.Get("values").As<Napi::Array>();
    rows = values.Length();
    names[c] = column.Get("name").As<Napi::String>().Utf8Value();
    auto unit = column.Get("unit");
    units[c] = unit.IsString() ? unit.As<Napi::String>().Utf8Value() : "";
    auto type = column.Get("type").As<Napi::String>().Utf8Value();
    if (type == "string") {
      size_t widest = 1;
      for (uint32_t row = 0; row < rows; row++) {
        Napi::Value cell = values.Get(row);
        if (cell.IsString()) widest = std::max(widest, cell.As<Napi::String>().Utf8Value().size());
      }
      forms[c] = std::to_string(widest) + "A";
    } else {
      forms[c] = type == "integer" ? "1K" : type == "boolean" ? "1L" : "1D";
    }
    namePointers[c] = names[c].data();
    formPointers[c] = forms[c].data();
    unitPointers[c] = units[c].data();
  }
  File file(env, info[0].As<Napi::String>().Utf8Value());
  file.check(fits_create_tbl(file.get(), BINARY_TBL, 0, static_cast<int>(count), namePointers.data(),
                             formPointers.data(), unitPointers.data(), "CATALOGUE", file.status()));
  for (uint32_t c = 0; c < count; c++) {
    auto column = columns.Get(c).As<Napi::Object>();
    auto values = column.Get("values").As<Napi::Array>();
    int at = static_cast<int>(c) + 1;
    auto description = column.Get("description");
    if (description.IsString()) {
      auto text = description.As<Napi::String>().Utf8Value();
      std::string key = "TCOMM" + std::to_string(at);
      file.check(fits_write_key_longstr(file.get(), key.c_str(), text.c_str(), nullptr, file.status()));
    }
    if (forms[c].back() == 'K') {
      long long missing = std::numeric_limits<long long>::min();
      std::string key = "TNULL" + std::to_string(at);
      file.check(fits_write_key(file.get(), TLONGLONG, key.c_str(), &missing, "empty cell", file.status()));
      file.check(fits_set_hdustruc(file.get(), file.status()));
    }
    if (rows == 0) continue;
    if (forms[c].back() == 'A') {
      std::vector<std::string> cells(rows);
      std::vector<char*> pointers(rows);
      for (uint32_t row = 0; row < rows; row++) {
        Napi::Value cell = values.Get(row);
        if (cell.IsString()) cells[row] = cell.As<Napi::String>().Utf8Value();
        pointers[row] = cells[row].data();
      }
      file.check(fits_write_col(file.get(), TSTRING, at, 1, 1, rows, pointers.data(), file.status()));
    } else if (forms[c].back() == 'L') {
      std::vector<char> cells(rows);
      for (uint32_t row = 0; row < rows; row++) cells[row] = values.Get(row).ToBoolean().Value() ? 1 : 0;
      file.check(fits_write_col(file.get(), TLOGICAL, at, 1, 1, rows, cells.data(), file.status()));
    } else if (forms[c].back() == 'K') {
      std::vector<long long> cells(rows);
      for (uint32_t row = 0; row < rows; row++) {
        Napi::Value cell = values.Get(row);
        cells[row] = cell.IsNumber() ? static_cast<long long>(cell.As<Napi::Number>().Int64Value())
                                     : std::numeric_limits<long long>::min();
      }
      file.check(fits_write_col(file.get(), TLONGLONG, at, 1, 1, rows, cells.data(), file.status()));
    } else {
      std::vector<double> cells(rows);
      for (uint32_t row = 0; row < rows; row++) {
        Napi::Value cell = values.Get(row);
        cells[row] = cell.IsNumber() ? cell.As<Napi::Number>().DoubleValue() : std::numeric_limits<double>::quiet_NaN();
      }
      file.check(fits_write_col(file.get(), TDOUBLE, at, 1, 1, rows, cells.data(), file.status()));
    }
  }
  file.close();
  return env.Undefined();
}

// writeImage(path, shape, data, cards: string[], compression?): a float32 image; cards are whole 80-character header
// records; compression is cfitsio's number of a tile compression (RICE_1 11, GZIP_1 21, HCOMPRESS_1 41).
Napi::Value writeImage(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto shapeValue = info[1].As<Napi::Array>();
  std::vector<long> shape(shapeValue.Length());
  for (uint32_t i = 0; i < shapeValue.Length(); i++)
    shape[i] = static_cast<long>(shapeValue.Get(i).As<Napi::Number>().Int64Value());
  auto data = info[2].As<Napi::Float32Array>();
  File file(env, info[0].As<Napi::String>().Utf8Value());
  if (info[4].IsNumber())
    file.check(fits_set_compression_type(file.get(), info[4].As<Napi::Number>().Int32Value(), file.status()));
  file.check(fits_create_img(file.get(), FLOAT_IMG, static_cast<int>(shape.size()), shape.data(), file.status()));
  auto cards = info[3].As<Napi::Array>();
  for (uint32_t i = 0; i < cards.Length(); i++)
    file.check(fits_write_record(file.get(), cards.Get(i).As<Napi::String>().Utf8Value().c_str(), file.status()));
  file.check(
      fits_write_img(file.get(), TFLOAT, 1, static_cast<LONGLONG>(data.ElementLength()), data.Data(), file.status()));
  file.close();
  return env.Undefined();
}

// checksums(source) -> { hdu, data, whole }[] of the HDUs that carry DATASUM or CHECKSUM: 1 right, 0 not there, -1
// wrong
Napi::Value checksums(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  File file(info[0]);
  int count = 0;
  file.check(fits_get_num_hdus(file.get(), &count, file.status()));
  auto result = Napi::Array::New(env);
  for (int hdu = 0; hdu < count; hdu++) {
    file.moveTo(hdu);
    char value[FLEN_VALUE];
    int noData = 0, noWhole = 0;
    fits_read_keyword(file.get(), "DATASUM", value, nullptr, &noData);
    fits_read_keyword(file.get(), "CHECKSUM", value, nullptr, &noWhole);
    fits_clear_errmsg();
    if (noData != 0 && noWhole != 0) continue;
    int data = 0, whole = 0;
    file.check(fits_verify_chksum(file.get(), &data, &whole, file.status()));
    auto entry = Napi::Object::New(env);
    entry.Set("hdu", hdu);
    entry.Set("data", data);
    entry.Set("whole", whole);
    result.Set(result.Length(), entry);
  }
  return result;
}

// limit(memoryBytes, cpuSeconds): for a process that decodes foreign files. Memory counts from nothing, processor time
// from now; a process over its time is ended by the system (SIGXCPU), one over its memory fails to allocate. Leaves no
// core files.
Napi::Value limit(const Napi::CallbackInfo& info) {
  auto set = [](int resource, rlim_t value) {
    rlimit now{};
    getrlimit(resource, &now);
    now.rlim_cur = now.rlim_max == RLIM_INFINITY ? value : std::min(value, now.rlim_max);
    setrlimit(resource, &now);
  };
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  set(RLIMIT_CORE, 0);
  set(RLIMIT_DATA, static_cast<rlim_t>(info[0].As<Napi::Number>().DoubleValue()));
  set(RLIMIT_CPU, static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1) +
                      static_cast<rlim_t>(std::ceil(info[1].As<Napi::Number>().DoubleValue())));
  return info.Env().Undefined();
}

Napi::Value version(const Napi::CallbackInfo& info) {
  float number = 0;
  fits_get_version(&number);
  return Napi::Number::New(info.Env(), std::round(number * 1000) / 1000);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("hdus", hdus);
  add("readImage", readImage);
  add("readTable", readTable);
  add("writeTable", writeTable);
  add("writeImage", writeImage);
  add("checksums", checksums);
  add("limit", limit);
  add("version", version);
  return exports;
}

}  // namespace

NODE_API_MODULE(fits, init)
