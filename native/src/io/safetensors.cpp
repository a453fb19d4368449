#include "io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <unordered_set>

#include "error.h"
#include "io/atomic_file.h"
#include "io/bitsandbytes.h"
#include "io/json.h"
#include "io/mapped_file.h"

namespace tunesmith {

namespace {

/** The format's own limit. */
constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxIndex = size_t{64} << 20;

struct Dtype {
  const char* name;
  uint64_t bytes;
  /** The engine computes with these; the others may lie in a file unused. */
  bool supported;
  DType type;
};
constexpr Dtype kDtypes[] = {
    {"F32", 4, true, DType::f32},   {"F16", 2, true, DType::f16},       {"BF16", 2, true, DType::bf16},
    {"F64", 8, false, DType::f32},  {"I64", 8, false, DType::f32},      {"U64", 8, false, DType::f32},
    {"I32", 4, false, DType::f32},  {"U32", 4, false, DType::f32},      {"I16", 2, false, DType::f32},
    {"U16", 2, false, DType::f32},  {"I8", 1, false, DType::f32},       {"U8", 1, false, DType::f32},
    {"BOOL", 1, false, DType::f32}, {"F8_E4M3", 1, false, DType::f32},  {"F8_E5M2", 1, false, DType::f32},
};

[[noreturn]] void broken(const std::string& file, const std::string& cause) {
  throw Error("safetensors-invalid", file + " is not a valid safetensors file: " + cause + ".");
}

std::string tensor_in(const std::string& name) { return "tensor " + shown(Json(name)); }

std::string shown_shape(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

uint64_t whole_number(const Json& value, const std::string& file, const std::string& what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    broken(file, what + " is " + shown(value) + ", not a whole number");
  }
  return value.get<uint64_t>();
}

struct Entry {
  std::string name;
  const Dtype* dtype;
  std::vector<int64_t> shape;
  uint64_t begin, end;
};

Entry read_entry(const std::string& file, const std::string& name, const Json& value, uint64_t data_bytes) {
  const std::string tensor = tensor_in(name);
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    broken(file, tensor + " must have dtype, shape and data_offsets and nothing else");
  }
  Entry entry{name, nullptr, {}, 0, 0};
  const Json& dtype = value["dtype"];
  for (const Dtype& known : kDtypes) {
    if (dtype.is_string() && dtype.get_ref<const std::string&>() == known.name) entry.dtype = &known;
  }
  if (entry.dtype == nullptr) broken(file, tensor + " has the unknown dtype " + shown(dtype));

  const Json& shape = value["shape"];
  if (!shape.is_array() || shape.size() > 16) broken(file, tensor + " has the shape " + shown(shape));
  uint64_t count = 1;
  for (const Json& size : shape) {
    const uint64_t number = whole_number(size, file, tensor + ": a size");
    entry.shape.push_back(static_cast<int64_t>(number));
    if (__builtin_mul_overflow(count, number, &count)) broken(file, tensor + " has the impossible shape " + shown(shape));
  }
  uint64_t bytes;
  if (__builtin_mul_overflow(count, entry.dtype->bytes, &bytes)) {
    broken(file, tensor + " has the impossible shape " + shown(shape));
  }

  const Json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) broken(file, tensor + " has the data_offsets " + shown(offsets));
  entry.begin = whole_number(offsets[0], file, tensor + ": an offset");
  entry.end = whole_number(offsets[1], file, tensor + ": an offset");
  if (entry.begin > entry.end) broken(file, tensor + " ends before it begins");
  if (entry.end > data_bytes) {
    throw Error("safetensors-truncated", file + " is truncated: " + tensor + " needs " + std::to_string(entry.end) +
                                             " bytes of data where the file has " + std::to_string(data_bytes) +
                                             "; copy or download it again.");
  }
  if (entry.end - entry.begin != bytes) {
    broken(file, tensor + " has " + std::to_string(entry.end - entry.begin) + " bytes where its shape " + shown(shape) +
                     " and dtype " + entry.dtype->name + " need " + std::to_string(bytes));
  }
  return entry;
}

void refuse_overlaps(const std::string& file, std::vector<Entry>& entries, uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < end) broken(file, tensor_in(entry.name) + " overlaps another tensor");
    if (entry.begin > end) broken(file, "there are unused bytes before " + tensor_in(entry.name));
    end = entry.end;
  }
  if (end != data_bytes) broken(file, std::to_string(data_bytes - end) + " bytes follow the last tensor");
}

float from_bf16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

float from_f16(uint16_t bits) {
  _Float16 half;
  std::memcpy(&half, &bits, sizeof half);
  return static_cast<float>(half);
}

template <float (*convert)(uint16_t)>
void widen(std::span<const std::byte> bytes, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof bits);
    out[i] = convert(bits);
  }
}

}  // namespace

int64_t TensorView::count() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

void TensorView::copy_to(std::span<float> out) const {
  if (static_cast<int64_t>(out.size()) != count()) {
    throw Error("safetensors-shape", file + ": a tensor of " + std::to_string(count()) + " values was to be copied to " +
                                         std::to_string(out.size()) + ".");
  }
  switch (dtype) {
    case DType::f32:
      if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
      return;
    case DType::f16:
      return widen<from_f16>(bytes, out);
    case DType::bf16:
      return widen<from_bf16>(bytes, out);
    case DType::nf4:
      return nf4->copy_to(out);
  }
}

struct TensorSource::Impl {
  std::string path;
  std::vector<MappedFile> files;
  std::map<std::string, TensorView> tensors;
  /** Of dtypes that the engine cannot compute with. */
  std::map<std::string, RawTensor> unsupported;

  void add(const std::string& file);
};

void TensorSource::Impl::add(const std::string& file) {
  files.push_back(MappedFile::open(file));
  const std::span<const std::byte> bytes = files.back().bytes();
  if (bytes.size() < 8) {
    throw Error("safetensors-truncated", file + " is truncated: it has " + std::to_string(bytes.size()) +
                                             " bytes, fewer than a safetensors header; copy or download it again.");
  }
  uint64_t header_bytes;
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > kMaxHeader) broken(file, "its header claims " + std::to_string(header_bytes) + " bytes");
  if (header_bytes > bytes.size() - 8) {
    throw Error("safetensors-truncated", file + " is truncated: its header has " + std::to_string(header_bytes) +
                                             " bytes and the file ends before; copy or download it again.");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
  if (text.empty() || text.front() != '{') broken(file, "its header is not a JSON object");
  const Json header = parse_json(text, "The header of " + file);
  const std::span<const std::byte> data = bytes.subspan(8 + header_bytes);

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(read_entry(file, name, value, data.size()));
      continue;
    }
    if (!value.is_object()) broken(file, "__metadata__ is not an object");
    for (const auto& item : value) {
      if (!item.is_string()) broken(file, "__metadata__ holds something that is not a string");
    }
  }
  refuse_overlaps(file, entries, data.size());
  for (Entry& entry : entries) {
    if (tensors.contains(entry.name) || unsupported.contains(entry.name)) {
      throw Error("safetensors-duplicate", file + ": " + tensor_in(entry.name) + " lies in another file of the model too.");
    }
    const auto view = data.subspan(entry.begin, entry.end - entry.begin);
    if (!entry.dtype->supported) {
      unsupported.emplace(entry.name, RawTensor{entry.dtype->name, std::move(entry.shape), view, file});
    } else {
      tensors.emplace(entry.name, TensorView{entry.dtype->type, std::move(entry.shape), view, file, entry.name});
    }
  }
}

TensorSource::TensorSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TensorSource::~TensorSource() = default;
TensorSource::TensorSource(TensorSource&&) noexcept = default;

TensorSource TensorSource::from_views(std::map<std::string, TensorView> views) {
  auto impl = std::make_unique<Impl>();
  impl->path = "(in memory)";
  impl->tensors = std::move(views);
  return TensorSource(std::move(impl));
}

TensorSource TensorSource::open_file(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->add(path);
  join_nf4_tensors(impl->tensors, impl->unsupported);
  return TensorSource(std::move(impl));
}

namespace {

/** The index's tensors by shard, in the shards' name order. */
std::map<std::string, std::vector<std::string>> read_index(const std::string& path) {
  const Json index = read_json_file(path, kMaxIndex);
  const auto bad = [&](const std::string& cause) { throw Error("safetensors-index", path + ": " + cause + "."); };
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    bad("\"weight_map\" must be an object of tensor names and file names");
  }
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, value] : index["weight_map"].items()) {
    const std::string file = value.is_string() ? value.get<std::string>() : "";
    // A plain name: the index must not lead out of the model's folder.
    if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos ||
        file.find('\\') != std::string::npos || file.find('\0') != std::string::npos) {
      bad(tensor_in(name) + " must name a file in the model's folder, not " + shown(value));
    }
    shards[file].push_back(name);
  }
  if (shards.empty()) bad("\"weight_map\" is empty");
  return shards;
}

}  // namespace

TensorSource TensorSource::open_model(const std::string& directory) {
  auto impl = std::make_unique<Impl>();
  impl->path = directory;
  const std::string single = directory + "/model.safetensors";
  const std::string index = single + ".index.json";
  std::error_code error;
  if (std::filesystem::exists(single, error)) {
    impl->add(single);
    join_nf4_tensors(impl->tensors, impl->unsupported);
    return TensorSource(std::move(impl));
  }
  if (!std::filesystem::exists(index, error)) {
    throw Error("model-missing", directory + " holds neither model.safetensors nor model.safetensors.index.json; it must "
                                             "be a folder with a Hugging Face model in safetensors format.");
  }
  std::unordered_set<std::string> listed;
  for (const auto& [file, names] : read_index(index)) {
    const std::string path = directory + "/" + file;
    impl->add(path);
    for (const std::string& name : names) {
      const auto found = impl->tensors.find(name);
      const auto other = impl->unsupported.find(name);
      const bool here = found != impl->tensors.end() ? found->second.file == path
                                                     : other != impl->unsupported.end() && other->second.file == path;
      if (!here) {
        throw Error("safetensors-index", index + " says that " + tensor_in(name) + " lies in " + file + ", which lacks it.");
      }
      listed.insert(name);
    }
  }
  std::erase_if(impl->tensors, [&](const auto& item) { return !listed.contains(item.first); });
  std::erase_if(impl->unsupported, [&](const auto& item) { return !listed.contains(item.first); });
  join_nf4_tensors(impl->tensors, impl->unsupported);
  return TensorSource(std::move(impl));
}

bool TensorSource::contains(const std::string& name) const { return impl_->tensors.contains(name); }

const TensorView& TensorSource::at(const std::string& name, std::span<const int64_t> shape) const {
  const auto found = impl_->tensors.find(name);
  if (found == impl_->tensors.end()) {
    const auto other = impl_->unsupported.find(name);
    if (other != impl_->unsupported.end()) {
      throw Error("safetensors-dtype", impl_->path + ": " + tensor_in(name) + " has the dtype " + other->second.dtype +
                                           "; the engine reads F32, F16, BF16 and bitsandbytes' NF4.");
    }
    throw Error("safetensors-missing", impl_->path + " lacks the " + tensor_in(name) + ".");
  }
  const TensorView& view = found->second;
  if (!std::equal(view.shape.begin(), view.shape.end(), shape.begin(), shape.end())) {
    throw Error("safetensors-shape", view.file + ": " + tensor_in(name) + " has the shape " + shown_shape(view.shape) +
                                         " where " + shown_shape(shape) + " was expected.");
  }
  return view;
}

const std::map<std::string, TensorView>& TensorSource::all() const { return impl_->tensors; }

void write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensor*> ordered;
  for (const NamedTensor& tensor : tensors) ordered.push_back(&tensor);
  std::sort(ordered.begin(), ordered.end(), [](auto* a, auto* b) { return a->name < b->name; });

  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const NamedTensor* tensor : ordered) {
    const uint64_t bytes = tensor->values.size_bytes();
    header[tensor->name] = {{"dtype", "F32"}, {"shape", tensor->shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data is aligned, as the format's own writer does it

  AtomicFile file(path);
  const uint64_t length = text.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const NamedTensor* tensor : ordered) file.write(std::as_bytes(tensor->values));
  file.commit();
}

}  // namespace tunesmith
