#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tunesmith {

/** RoPE frequency scaling; `factor` 1 means none. llama3: Meta's Llama 3.1 scheme (transformers `rope_type: llama3`). */
struct RopeConfig {
  enum class Kind { plain, linear, llama3 };
  Kind kind = Kind::plain;
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_position_embeddings = 0;
};

/** The Llama family as its config.json describes it. */
struct LlamaConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t query_heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocabulary_size = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-5;
  bool tied_embedding = false;
  RopeConfig rope;
  std::vector<int32_t> end_tokens;
  int32_t begin_token = -1;  // -1: none
};

/** Reads DIRECTORY/config.json: `rope_parameters` (transformers 5) or `rope_theta` + `rope_scaling` (4). Throws Error
    naming the file and the field for anything missing, of the wrong type or not supported (biases, activations, RoPE kinds,
    quantisation other than bitsandbytes' NF4). */
LlamaConfig read_llama_config(const std::string& directory);

}  // namespace tunesmith
