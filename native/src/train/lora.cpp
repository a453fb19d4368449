#include "train/lora.h"

#include <cmath>

namespace tunesmith {

const char* name_of(LoraTarget target) {
  switch (target) {
    case LoraTarget::q: return "q_proj";
    case LoraTarget::k: return "k_proj";
    case LoraTarget::v: return "v_proj";
    case LoraTarget::o: return "o_proj";
    case LoraTarget::gate: return "gate_proj";
    case LoraTarget::up: return "up_proj";
    case LoraTarget::down: return "down_proj";
  }
  return "";
}

double LoraConfig::scale() const {
  const double r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

}  // namespace tunesmith
