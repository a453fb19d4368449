#pragma once
#include <cstdint>
#include <vector>

#include "model/arena.h"
#include "model/config.h"

namespace tunesmith {

/** Angular frequency of each of the head_dim / 2 pairs, in double, scaled as the configuration asks. */
std::vector<double> rope_frequencies(const RopeConfig&, int64_t head_dim);

/** cos and sin of position × frequency on the device, computed in double, stored as float32. */
class RopeTable {
 public:
  /** Lays it out in `arena` (which may only count). */
  RopeTable(Arena& arena, const LlamaConfig&, int64_t positions);
  void fill(Device&, const LlamaConfig&) const;
  const float* cosine() const { return cosine_; }  // [positions, head_dim / 2]
  const float* sine() const { return sine_; }

 private:
  int64_t positions_;
  float* cosine_;
  float* sine_;
};

}  // namespace tunesmith
