#pragma once
#include <cstdint>
#include <vector>

#include "io/safetensors.h"
#include "model/arena.h"
#include "model/config.h"
#include "ops.h"

namespace tunesmith {

/** Frozen weights of one layer. Matrices that share their input lie stacked, so that one product serves them. */
struct LayerWeights {
  Weight* input_norm;      // [hidden]
  Weight* qkv;             // [(query_heads + 2 * kv_heads) * head_dim, hidden]
  Weight* o;               // [hidden, query_heads * head_dim]
  Weight* post_norm;       // [hidden]
  Weight* gate_up;         // [2 * intermediate, hidden]
  Weight* down;            // [hidden, intermediate]
};

/** The base model on the device. */
class LlamaWeights {
 public:
  /** Lays the matrices out in `arena` (which may only count). */
  LlamaWeights(Arena& arena, const Device&, const LlamaConfig&);
  void load(Device&, const LlamaConfig&, const TensorSource&) const;

  static int64_t parameters(const LlamaConfig&);

  Weight* embedding = nullptr;  // [vocabulary, hidden]
  Weight* final_norm = nullptr;
  Weight* head = nullptr;  // [vocabulary, hidden]; the embedding where tied
  std::vector<LayerWeights> layers;
};

}  // namespace tunesmith
