#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "io/json.h"

/** bitsandbytes' 4-bit quantisation step by step on the host, and checkpoints as it writes them: the tests' oracle. Levels
    and decision thresholds are its published constants. */
namespace tunesmith::nf4_test {

inline constexpr float kLevels[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};
inline constexpr float kThresholds[15] = {
    -0.8480964004993439f,  -0.6106329262256622f,  -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
    -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f,   0.2035212516784668f,
    0.2920137718319893f,   0.3893125355243683f,    0.5016634166240692f,  0.6427869200706482f,   0.8614784181118011f,
};

struct Quantised {
  int64_t count = 0, block = 64;
  std::vector<uint8_t> codes;        // two a byte
  std::vector<float> absmax;         // of each block
  std::vector<uint8_t> scale_codes;  // of absmax less its mean
  std::vector<float> nested_absmax;  // of each 256 scales
  float mean = 0;
  std::array<float, 256> map{};

  uint8_t code(int64_t i) const {
    const uint8_t byte = codes[static_cast<size_t>(i / 2)];
    return i % 2 == 0 ? byte >> 4 : byte & 15;
  }
  float scale(int64_t b, bool nested) const {
    if (!nested) return absmax[static_cast<size_t>(b)];
    const volatile float product = map[scale_codes[static_cast<size_t>(b)]] * nested_absmax[static_cast<size_t>(b / 256)];
    return product + mean;
  }
  /** Before the rounding to the matrix's dtype. */
  std::vector<float> values(bool nested = true) const {
    std::vector<float> out(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) out[static_cast<size_t>(i)] = kLevels[code(i)] * scale(i / block, nested);
    return out;
  }
};

inline Quantised quantise(const std::vector<float>& w, const std::array<float, 256>& map, int64_t block = 64) {
  Quantised q;
  q.count = static_cast<int64_t>(w.size());
  q.block = block;
  q.map = map;
  q.codes.resize((w.size() + 1) / 2);
  for (int64_t first = 0; first < q.count; first += block) {
    const int64_t end = std::min(q.count, first + block);
    float absmax = 0;
    for (int64_t i = first; i < end; ++i) absmax = std::max(absmax, std::abs(w[static_cast<size_t>(i)]));
    q.absmax.push_back(absmax);
    const float by = 1.0f / std::max(absmax, 1e-38f);
    for (int64_t i = first; i < end; ++i) {
      const float x = w[static_cast<size_t>(i)] * by;
      const auto code = static_cast<uint8_t>(std::count_if(kThresholds, kThresholds + 15, [&](float t) { return x > t; }));
      q.codes[static_cast<size_t>(i / 2)] |= static_cast<uint8_t>(i % 2 == 0 ? code << 4 : code);
    }
  }
  double sum = 0;
  for (const float x : q.absmax) sum += x;
  q.mean = static_cast<float>(sum / static_cast<double>(q.absmax.size()));
  for (size_t first = 0; first < q.absmax.size(); first += 256) {
    const size_t end = std::min(q.absmax.size(), first + 256);
    float largest = 0;
    for (size_t i = first; i < end; ++i) largest = std::max(largest, std::abs(q.absmax[i] - q.mean));
    q.nested_absmax.push_back(largest);
    const float by = 1.0f / std::max(largest, 1e-38f);
    for (size_t i = first; i < end; ++i) {
      const float x = (q.absmax[i] - q.mean) * by;
      int code = 0;
      for (size_t k = 0; k + 1 < 256; ++k) code += x > (map[k] + map[k + 1]) / 2;
      q.scale_codes.push_back(static_cast<uint8_t>(code));
    }
  }
  return q;
}

struct StoredTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
using Stored = std::map<std::string, StoredTensor>;

template <class T>
std::string bytes_of(const T& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

inline std::string safetensors_of(const Stored& tensors) {
  Json header = Json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  const std::string text = header.dump();
  std::string out(8, '\0');
  const uint64_t length = text.size();
  std::memcpy(out.data(), &length, 8);
  return out + text + data;
}

/** The tensors that make up `name`. */
inline Stored stored(const std::string& name, const Quantised& q, std::vector<int64_t> shape, const char* dtype,
                     bool nested) {
  const auto size = [](const auto& values) { return std::vector<int64_t>{static_cast<int64_t>(values.size())}; };
  Json state = {{"quant_type", "nf4"}, {"blocksize", q.block}, {"dtype", dtype}, {"shape", shape}};
  Stored out;
  out[name] = {"U8", {static_cast<int64_t>(q.codes.size()), 1}, bytes_of(q.codes)};
  out[name + ".quant_map"] = {"F32", {16}, std::string(reinterpret_cast<const char*>(kLevels), sizeof kLevels)};
  if (nested) {
    state.update({{"nested_blocksize", 256}, {"nested_dtype", "float32"}, {"nested_offset", q.mean}});
    out[name + ".absmax"] = {"U8", size(q.scale_codes), bytes_of(q.scale_codes)};
    out[name + ".nested_absmax"] = {"F32", size(q.nested_absmax), bytes_of(q.nested_absmax)};
    out[name + ".nested_quant_map"] = {"F32", {256}, bytes_of(q.map)};
  } else {
    out[name + ".absmax"] = {"F32", size(q.absmax), bytes_of(q.absmax)};
  }
  const std::string text = state.dump();
  out[name + ".quant_state.bitsandbytes__nf4"] = {"U8", size(text), text};
  return out;
}

}  // namespace tunesmith::nf4_test
