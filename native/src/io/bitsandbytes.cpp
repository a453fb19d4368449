/**
 * 4-bit checkpoints as bitsandbytes writes them and the Hub publishes them (QLoRA's NF4, with or without double
 * quantisation). A quantised matrix X lies in several tensors:
 *
 *   X                                 the codes, [bytes, 1]: U8, or another dtype's bytes where `quant_storage` asked for it
 *   X.absmax                          a scale a block: F32, or U8 indices into nested_quant_map
 *   X.quant_map                       F32 [16], the levels
 *   X.nested_absmax, .nested_quant_map   F32, with U8 scales only
 *   X.quant_state.bitsandbytes__nf4   U8: JSON with quant_type, blocksize, dtype, shape and the nested_… fields
 */
#include "io/bitsandbytes.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "error.h"
#include "io/json.h"

namespace tunesmith {

namespace {

constexpr const char* kCode = "bitsandbytes-invalid";
constexpr const char* kDTypeNames[] = {"F32", "F16", "BF16", "NF4"};
constexpr const char* kStatePrefix = ".quant_state.bitsandbytes__";
/** bitsandbytes writes some 200 bytes. */
constexpr size_t kMaxState = 4096;

float float_at(std::span<const std::byte> bytes, int64_t i) {
  float value;
  std::memcpy(&value, bytes.data() + sizeof(float) * static_cast<size_t>(i), sizeof value);
  return value;
}

float round_to(DType dtype, float value) {
  switch (dtype) {
    case DType::f16:
      return static_cast<float>(static_cast<_Float16>(value));
    case DType::bf16: {
      if (std::isnan(value)) return value;
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      bits = (bits + 0x7fffu + ((bits >> 16) & 1)) & 0xffff0000u;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    default:
      return value;
  }
}

std::string in_quotes(const std::string& name) { return shown(Json(name)); }

[[noreturn]] void broken(const std::string& file, const std::string& tensor, const std::string& cause) {
  throw Error(kCode, file + ": tensor " + in_quotes(tensor) + " " + cause + ".");
}

/** The tensors of one quantised matrix. */
class Group {
 public:
  Group(std::string name, const std::map<std::string, TensorView>& tensors, const std::map<std::string, RawTensor>& raw)
      : name_(std::move(name)), tensors_(tensors), raw_(raw) {}

  TensorView read(const std::string& state_name);

 private:
  struct Found {
    std::string dtype;
    std::span<const int64_t> shape;
    std::span<const std::byte> bytes;
    std::string file;
  };
  std::optional<Found> find(const std::string& name) const {
    if (const auto at = tensors_.find(name); at != tensors_.end()) {
      const TensorView& view = at->second;
      return Found{kDTypeNames[static_cast<size_t>(view.dtype)], view.shape, view.bytes, view.file};
    }
    if (const auto at = raw_.find(name); at != raw_.end()) {
      return Found{at->second.dtype, at->second.shape, at->second.bytes, at->second.file};
    }
    return std::nullopt;
  }
  bool has(const char* suffix) const { return find(name_ + suffix).has_value(); }
  /** The bytes of a vector that must be there. */
  std::span<const std::byte> vector(const char* suffix, const char* dtype, int64_t count) const {
    const std::string name = name_ + suffix;
    const std::optional<Found> found = find(name);
    const std::string expected = std::to_string(count) + " values of " + dtype;
    if (!found) {
      throw Error(kCode, file_ + ": tensor " + in_quotes(name_) + " is in 4 bits, and " + in_quotes(name) + " with " +
                             expected + " is missing.");
    }
    if (found->dtype != dtype || found->shape.size() != 1 || found->shape[0] != count) {
      std::string shape;
      for (const int64_t size : found->shape) shape += (shape.empty() ? "" : " x ") + std::to_string(size);
      if (shape.empty()) shape = "one";
      broken(found->file, name, "must have " + expected + ", not " + shape + " of " + found->dtype);
    }
    return found->bytes;
  }
  static int64_t power_of_two(const Fields& state, const char* field, int64_t low) {
    const int64_t value = state.integer(field, low, 4096);
    if ((value & (value - 1)) != 0) state.fail(field, "a power of two");
    return value;
  }
  std::vector<int64_t> read_shape(const Fields& state) const;
  void read_nested(const Fields& state, Nf4Tensor& tensor) const;

  std::string name_;
  std::string file_;  // of the state, for messages
  const std::map<std::string, TensorView>& tensors_;
  const std::map<std::string, RawTensor>& raw_;
};

std::vector<int64_t> Group::read_shape(const Fields& state) const {
  std::vector<int64_t> shape;
  for (const Json& size : state.array("shape")) {
    // Two sizes below 2^31: their product is a count.
    if (!size.is_number_unsigned() || size.get<uint64_t>() == 0 || size.get<uint64_t>() > INT32_MAX) break;
    shape.push_back(size.get<int64_t>());
  }
  if (shape.size() != 2 || state.array("shape").size() != 2) state.fail("shape", "a list of rows and columns");
  return shape;
}

void Group::read_nested(const Fields& state, Nf4Tensor& tensor) const {
  Nf4Tensor::Nested& nested = tensor.nested;
  nested.block = power_of_two(state, "nested_blocksize", 64);
  nested.offset = static_cast<float>(state.number("nested_offset", -FLT_MAX, FLT_MAX));
  state.choice("nested_dtype", {"float32"});
  const std::span<const std::byte> map = vector(".nested_quant_map", "F32", 256);
  for (int i = 0; i < 256; ++i) {
    nested.map[static_cast<size_t>(i)] = float_at(map, i);
    if (!std::isfinite(nested.map[static_cast<size_t>(i)])) {
      broken(file_, name_ + ".nested_quant_map", "holds a value that is not finite");
    }
  }
  nested.absmax = vector(".nested_absmax", "F32", (tensor.blocks() + nested.block - 1) / nested.block);
}

TensorView Group::read(const std::string& state_name) {
  const RawTensor& packed = raw_.at(state_name);
  file_ = packed.file;
  if (packed.dtype != "U8" || packed.shape.size() != 1 || packed.bytes.size() > kMaxState) {
    broken(file_, state_name, "must be a JSON object of at most " + std::to_string(kMaxState) + " bytes");
  }
  const std::string_view text(reinterpret_cast<const char*>(packed.bytes.data()), packed.bytes.size());
  const Json json = parse_json(text, file_ + ": tensor " + in_quotes(state_name));
  const Fields state(json, file_, in_quotes(name_) + ".quant_state.", kCode);

  auto tensor = std::make_shared<Nf4Tensor>();
  state.choice("quant_type", {"nf4"});
  tensor->dtype = static_cast<DType>(state.choice("dtype", {"float32", "float16", "bfloat16"}));  // in DType's order
  tensor->block = power_of_two(state, "blocksize", 32);
  std::vector<int64_t> shape = read_shape(state);
  tensor->count = shape[0] * shape[1];

  const std::span<const std::byte> levels = vector(".quant_map", "F32", 16);
  for (int i = 0; i < 16; ++i) {
    if (!(std::abs(float_at(levels, i) - kNf4Levels[static_cast<size_t>(i)]) <= 1e-5f)) {
      broken(file_, name_ + ".quant_map", "holds other levels than NF4's");
    }
  }
  tensor->is_nested = has(".nested_absmax") || has(".nested_quant_map") || !state.absent("nested_offset");
  if (tensor->is_nested) read_nested(state, *tensor);
  state.refuse_unknown();
  tensor->absmax = vector(".absmax", tensor->is_nested ? "U8" : "F32", tensor->blocks());

  const std::optional<Found> codes = find(name_);
  const int64_t bytes = (tensor->count + 1) / 2;
  if (!codes) throw Error(kCode, file_ + ": tensor " + in_quotes(name_) + " is missing where its quant_state is not.");
  if (codes->shape.size() != 2 || codes->shape[1] != 1 || static_cast<int64_t>(codes->bytes.size()) != bytes) {
    broken(codes->file, name_,
           "has " + std::to_string(codes->bytes.size()) + " bytes where the shape " + shown(json["shape"]) +
               " in 4 bits needs a column of " + std::to_string(bytes));
  }
  tensor->codes = codes->bytes;
  return TensorView{DType::nf4, std::move(shape), codes->bytes, codes->file, name_, std::move(tensor)};
}

}  // namespace

std::array<float, 256> dynamic_map() {
  std::array<float, 256> map{};
  size_t next = 0;
  for (int exponent = 0; exponent < 7; ++exponent) {
    // 2^exponent means of neighbours on a line from 0.1 to 1, drawn from both its ends as torch.linspace does.
    const int steps = 1 << exponent;
    const float step = (1.0f - 0.1f) / static_cast<float>(steps);
    const auto boundary = [&](int i) {
      return i < (steps + 1) / 2 ? std::fma(step, static_cast<float>(i), 0.1f)
                                 : std::fma(-step, static_cast<float>(steps - i), 1.0f);
    };
    const float power = static_cast<float>(std::pow(10.0, exponent - 6));
    for (int i = 0; i < steps; ++i) {
      const float mean = (boundary(i) + boundary(i + 1)) / 2.0f;
      map[next++] = power * mean;
      map[next++] = -(power * mean);
    }
  }
  map[next++] = 0.0f;
  map[next++] = 1.0f;
  std::sort(map.begin(), map.end());
  return map;
}

float Nf4Tensor::scale(int64_t b) const {
  if (!is_nested) return float_at(absmax, b);
  // Rounded after the product and after the sum, as bitsandbytes does; this file is compiled without fusing the two.
  const float level = nested.map[static_cast<size_t>(absmax[static_cast<size_t>(b)])];
  return level * float_at(nested.absmax, b / nested.block) + nested.offset;
}

void Nf4Tensor::copy_to(std::span<float> out) const {
  for (int64_t b = 0; b < blocks(); ++b) {
    const float by = scale(b);
    std::array<float, 16> values;
    for (size_t i = 0; i < 16; ++i) values[i] = round_to(dtype, kNf4Levels[i] * by);
    const int64_t end = std::min(count, (b + 1) * block);
    for (int64_t i = b * block; i < end; ++i) {
      const auto byte = static_cast<unsigned>(codes[static_cast<size_t>(i / 2)]);
      out[static_cast<size_t>(i)] = values[i % 2 == 0 ? byte >> 4 : byte & 15];
    }
  }
}

void join_nf4_tensors(std::map<std::string, TensorView>& tensors, std::map<std::string, RawTensor>& raw) {
  std::vector<std::pair<std::string, std::string>> found;  // matrix, its state
  for (const auto& [name, tensor] : raw) {
    const size_t at = name.rfind(kStatePrefix);
    if (at == std::string::npos) continue;
    const std::string type = name.substr(at + std::strlen(kStatePrefix));
    if (type != "nf4") {
      throw Error("bitsandbytes-unsupported", tensor.file + ": tensor " + in_quotes(name.substr(0, at)) +
                                                  " is stored as bitsandbytes' " + in_quotes(type) +
                                                  "; of its 4-bit formats the engine reads nf4.");
    }
    found.emplace_back(name.substr(0, at), name);
  }
  for (const auto& [name, state] : found) {
    TensorView joined = Group(name, tensors, raw).read(state);
    for (const char* suffix : {"", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"}) {
      tensors.erase(name + suffix);
      raw.erase(name + suffix);
    }
    raw.erase(state);
    tensors.emplace(name, std::move(joined));
  }
}

}  // namespace tunesmith
