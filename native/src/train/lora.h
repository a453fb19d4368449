#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tunesmith {

enum class LoraTarget { q, k, v, o, gate, up, down };
inline constexpr int kLoraTargets = 7;
/** "q_proj", … in the enum's order. */
const char* name_of(LoraTarget);

struct LoraConfig {
  int64_t rank = 16;
  double alpha = 32;
  std::array<bool, kLoraTargets> targets{true, true, true, true, true, true, true};
  double dropout = 0;             // share of the adapter's inputs left out in training, in [0, 1)
  bool rank_stabilised = false;   // scale = alpha / √rank (Kalajdzievski 2023), else alpha / rank
  /** B·A is multiplied by it. */
  double scale() const;
};

}  // namespace tunesmith
