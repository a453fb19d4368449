#include "model/rope_table.h"

#include <cmath>
#include <numbers>

namespace tunesmith {

std::vector<double> rope_frequencies(const RopeConfig& rope, int64_t head_dim) {
  std::vector<double> frequencies(static_cast<size_t>(head_dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    double f = std::pow(rope.theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    if (rope.kind == RopeConfig::Kind::linear) f /= rope.factor;
    if (rope.kind == RopeConfig::Kind::llama3) {
      const double original = static_cast<double>(rope.original_max_position_embeddings);
      const double wavelength = 2.0 * std::numbers::pi / f;
      if (wavelength > original / rope.low_freq_factor) {
        f /= rope.factor;
      } else if (wavelength >= original / rope.high_freq_factor) {
        const double smooth =
            (original / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
        f = (1.0 - smooth) * f / rope.factor + smooth * f;
      }
    }
    frequencies[i] = f;
  }
  return frequencies;
}

RopeTable::RopeTable(Arena& arena, const LlamaConfig& config, int64_t positions)
    : positions_(positions),
      cosine_(arena.take<float>(positions * (config.head_dim / 2))),
      sine_(arena.take<float>(positions * (config.head_dim / 2))) {}

void RopeTable::fill(Device& device, const LlamaConfig& config) const {
  const std::vector<double> frequencies = rope_frequencies(config.rope, config.head_dim);
  const size_t half = frequencies.size(), rows = static_cast<size_t>(positions_);
  std::vector<float> cosine(rows * half), sine(rows * half);
  for (size_t p = 0; p < rows; ++p) {
    for (size_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) * frequencies[i];
      cosine[p * half + i] = static_cast<float>(std::cos(angle));
      sine[p * half + i] = static_cast<float>(std::sin(angle));
    }
  }
  device.copy_to_device(cosine_, cosine.data(), cosine.size() * sizeof(float));
  device.copy_to_device(sine_, sine.data(), sine.size() * sizeof(float));
}

}  // namespace tunesmith
