#pragma once
#include <cstdint>
#include <memory>
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

/** The base model on the device, one allocation. */
class LlamaWeights {
 public:
  LlamaWeights(Device&, const LlamaConfig&, const TensorSource&);

  static int64_t parameters(const LlamaConfig&);
  static size_t bytes(const Device&, const LlamaConfig&);

  Weight* embedding = nullptr;  // [vocabulary, hidden]
  Weight* final_norm = nullptr;
  Weight* head = nullptr;  // [vocabulary, hidden]; the embedding where tied
  std::vector<LayerWeights> layers;

 private:
  void lay_out(const Device&, const LlamaConfig&, Arena&);
  LlamaWeights() = default;
  std::unique_ptr<DeviceMemory> memory_;
};

}  // namespace tunesmith
