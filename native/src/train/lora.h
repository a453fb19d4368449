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
  double alpha = 32;  // scale = alpha / rank
  std::array<bool, kLoraTargets> targets{true, true, true, true, true, true, true};
  double dropout = 0;             // share of the adapter's inputs left out in training
  bool rank_stabilised = false;   // scale = alpha / √rank (Kalajdzievski 2023)
};

}  // namespace tunesmith
